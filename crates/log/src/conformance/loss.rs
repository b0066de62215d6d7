//! A broker that has lost some of its messages, as brokers have (cases.md 6 and 7): made on purpose, for the tests of whoever must notice.

use serde_json::{Value, json};

use super::server::NatsServer;
use crate::jetstream::{Broker, BrokerOptions, Stream, stream_name, subjects};
use crate::{Position, Record};

/// Makes a stream on `target` that holds at every position what `source` holds, but nothing at the positions in `lost`. It has every
/// guarantee, and whoever opens it is none the wiser. The server is started anew at the end.
///
/// # Panics
/// When a server does not do as it is asked.
pub fn rebuild_without(source: &Stream, target: &mut NatsServer, lost: &[Position]) {
    let options = BrokerOptions { servers: vec![target.url()], ..BrokerOptions::default() };
    let broker = Broker::connect(options).expect("a connection to the new server");
    let (name, region) = (stream_name(source.region()), source.region());
    let mut config = configuration(source);
    let ask = |operation: String, question: &Value| {
        let answer = broker.ask::<Value>("a test", &operation, question);
        broker.runtime().block_on(answer).expect("an answer of JetStream")
    };
    // A stream without protection first: it must be possible to take messages away.
    config["deny_delete"] = json!(false);
    ask(format!("STREAM.CREATE.{name}"), &config);
    let weak = Stream { broker: broker.clone(), region, name: name.clone(), duplicate_window: source.duplicate_window };
    let messages = source.read(Position::FIRST, usize::MAX).expect("the source's messages");
    for message in messages {
        let record = message.record.unwrap_or_else(|| stand_in(source));
        let at = weak.publish(&[record]).expect("a copied message");
        assert_eq!(at, [message.position], "positions stay as they are");
    }
    for position in lost {
        ask(format!("STREAM.MSG.DELETE.{name}"), &json!({"seq": position.get()}));
    }
    config["deny_delete"] = json!(true);
    ask(format!("STREAM.UPDATE.{name}"), &config);
    // As after a real loss, the ids of what is gone are forgotten as well.
    target.restart();
}

/// What stands at a position that the source has lost itself, until it is taken away.
fn stand_in(source: &Stream) -> Record {
    let subject = subjects(source.region()).replace('>', "lost");
    Record { subject, ..super::record(u64::MAX >> 20) }
}

fn configuration(source: &Stream) -> Value {
    let broker = source.broker();
    let operation = format!("STREAM.INFO.{}", source.name());
    let info = broker.runtime().block_on(broker.ask::<Value>("a test", &operation, &json!({})));
    info.expect("the source's configuration")["config"].clone()
}
