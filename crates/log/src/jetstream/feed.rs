//! One consumer on the stream and what it delivers. A feed lives until anything is odd; then a new one takes its place.

use std::time::Duration;

use async_nats::jetstream::Message as JetStreamMessage;
use async_nats::{Message, SubscribeErrorKind, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::task::unconstrained;

use super::{BrokerError, Stream, StreamMessage};
use crate::Position;

/// How many messages are asked for at a time. At most half as many again are on their way.
const PULL_MESSAGES: usize = 2_000;

/// How many bytes are asked for at a time. No more than two requests are open, so this and as much again is what can be on its way.
const PULL_BYTES: usize = 8 << 20;

/// How long the broker keeps a request for messages open. After it, the next request is made.
const PULL_EXPIRES: Duration = Duration::from_secs(30);

/// How long the broker keeps a consumer that nobody asks anything of.
const CONSUMER_IDLE: Duration = Duration::from_mins(2);

/// A consumer of its own, which the broker forgets by itself when the process is gone.
#[derive(Debug)]
pub(super) struct Feed {
    stream: Stream,
    name: String,
    inbox: String,
    subscriber: Subscriber,
    /// How many messages were asked for and have not come.
    outstanding: usize,
    /// How many messages the consumer has delivered.
    delivered: u64,
    /// Which connection it was made on: the broker drops a request for messages with its connection.
    connection: u64,
}

/// What a feed gave.
#[derive(Debug)]
pub(super) enum Delivery {
    /// A message of the stream.
    Message(StreamMessage),
    /// Nothing new, and nothing wrong.
    Nothing,
    /// The consumer is gone, or messages of it were lost on the way: make a new feed.
    Broken(&'static str),
}

impl Feed {
    /// Makes a consumer that delivers everything from `from` on, at once, without acknowledgements.
    pub(super) async fn open(stream: &Stream, from: Position) -> Result<Feed, BrokerError> {
        let connection = stream.broker.connections();
        let inbox = stream.broker.client().new_inbox();
        let name = format!("tail-{}", inbox.rsplit('.').next().unwrap_or_default());
        let question = json!({
            "stream_name": stream.name,
            "action": "create",
            "config": {
                "name": name,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": from.get(),
                "ack_policy": "none",
                "replay_policy": "instant",
                "mem_storage": true,
                "num_replicas": 1,
                "inactive_threshold": u64::try_from(CONSUMER_IDLE.as_nanos()).unwrap_or(u64::MAX),
            },
        });
        let subscriber = stream.broker.client().subscribe(inbox.clone()).await.map_err(|error| match error.kind() {
            SubscribeErrorKind::Other => BrokerError::Disconnected { doing: "subscribing".to_owned() },
            _ => BrokerError::Option { what: "inbox prefix", detail: error.to_string() },
        })?;
        let doing = format!("making a consumer on {}", stream.name);
        let operation = format!("CONSUMER.CREATE.{}.{name}", stream.name);
        stream.broker.ask::<Value>(&doing, &operation, &question).await?;
        Ok(Feed { stream: stream.clone(), name, inbox, subscriber, outstanding: 0, delivered: 0, connection })
    }

    /// Waits for the next message, at most for `limit`.
    ///
    /// Errors: the connection is lost, or asking for messages is not permitted. What was delivered before is still to be had
    /// from [`ready`](Feed::ready).
    pub(super) async fn wait(&mut self, limit: Duration) -> Result<Delivery, BrokerError> {
        if let Some(delivery) = self.ready() {
            return Ok(delivery);
        }
        if self.connection != self.stream.broker.connections() {
            return Ok(Delivery::Broken("the connection was lost meanwhile"));
        }
        let broker = self.stream.broker.clone();
        let request = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.stream.name, self.name);
        let inbox = self.inbox.clone();
        let doing = format!("waiting for messages of {}", self.stream.name);
        let concerns = |denied: &str| denied == request || denied == inbox;
        match broker.listening(&doing, limit, concerns, self.pull_and_wait(&request)).await {
            Err(BrokerError::TimedOut { .. }) => Ok(Delivery::Nothing),
            delivery => delivery,
        }
    }

    /// What has come already.
    pub(super) fn ready(&mut self) -> Option<Delivery> {
        loop {
            // The runtime would otherwise call everything unready after 128 messages, to be fair to tasks that are not there.
            let message = unconstrained(self.subscriber.next()).now_or_never()?;
            let delivery = message.map_or(Delivery::Broken("its subscription ended"), |message| self.take(message));
            if !matches!(delivery, Delivery::Nothing) {
                return Some(delivery);
            }
        }
    }

    async fn pull_and_wait(&mut self, request: &str) -> Delivery {
        if self.outstanding <= PULL_MESSAGES / 2 {
            let client = self.stream.broker.client();
            let question = json!({
                "batch": PULL_MESSAGES,
                // A message as large as the server takes must fit.
                "max_bytes": PULL_BYTES.max(client.max_payload().saturating_mul(2)),
                "expires": u64::try_from(PULL_EXPIRES.as_nanos()).unwrap_or(u64::MAX),
            });
            let question = question.to_string().into();
            if client.publish_with_reply(request.to_owned(), self.inbox.clone(), question).await.is_err() {
                return Delivery::Broken("the client has ended");
            }
            self.outstanding += PULL_MESSAGES;
        }
        match self.subscriber.next().await {
            Some(message) => self.take(message),
            None => Delivery::Broken("its subscription ended"),
        }
    }

    fn take(&mut self, message: Message) -> Delivery {
        // Only the broker's own words come without the subject for acknowledgements: a publisher cannot imitate them.
        let is_delivery = message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."));
        if !is_delivery {
            return self.heed(&message);
        }
        let message = JetStreamMessage { message, context: self.stream.broker.context() };
        let Ok(numbers) = message.info().map(|info| (info.stream_sequence, info.consumer_sequence)) else {
            return Delivery::Broken("a message came without its position");
        };
        let (sequence, number) = numbers;
        self.outstanding = self.outstanding.saturating_sub(1);
        self.delivered += 1;
        let Some(position) = Position::new(sequence).filter(|_| number == self.delivered) else {
            return Delivery::Broken("messages were lost on the way");
        };
        let Message { subject, payload, headers, .. } = message.message;
        let header = |name| headers.as_ref().and_then(|headers| headers.get(name)).map(ToString::to_string);
        Delivery::Message(StreamMessage::read(position, subject.as_str(), payload.into(), header))
    }

    /// A word of the broker on the request for messages itself.
    fn heed(&mut self, message: &Message) -> Delivery {
        match message.status.map_or(0, |status| status.as_u16()) {
            // Heartbeat, flow control.
            100 => Delivery::Nothing,
            408 | 409 if message.description.as_deref() != Some("Consumer Deleted") => {
                let left = message.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
                let left = left.and_then(|left| left.as_str().parse().ok()).unwrap_or(self.outstanding);
                self.outstanding = self.outstanding.saturating_sub(left);
                Delivery::Nothing
            }
            503 => Delivery::Broken("no server keeps the consumer"),
            _ => Delivery::Broken("the broker has removed the consumer"),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let client = self.stream.broker.client();
        let subject = format!("$JS.API.CONSUMER.DELETE.{}.{}", self.stream.name, self.name);
        // A courtesy: the broker forgets the consumer by itself.
        self.stream.broker.runtime().spawn(async move {
            let _ = client.publish(subject, Vec::new().into()).await;
        });
    }
}
