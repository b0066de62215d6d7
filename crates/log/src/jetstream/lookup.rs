//! Single messages, asked of the stream's leader by position. The answer is JSON with the message's parts in base64, so that it can be read whatever
//! the message's own headers look like: a message that breaks a client's parser is met here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::guarantees::subjects;
use super::{BrokerError, Stream, StreamMessage};
use crate::Position;

/// JetStream's code for a position that holds nothing.
const CODE_NO_MESSAGE: u64 = 10_037;

#[derive(Deserialize)]
struct Found {
    message: Parts,
}

#[derive(Deserialize)]
struct Parts {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

impl Stream {
    /// The message at a position; none when the stream does not hold it, or not yet.
    pub(super) async fn message_at(&self, position: Position) -> Result<Option<StreamMessage>, BrokerError> {
        self.look(json!({"seq": position.get()})).await
    }

    /// The first message at a position or after it; none when there is no more.
    pub(super) async fn message_from(&self, position: Position) -> Result<Option<StreamMessage>, BrokerError> {
        self.look(json!({"seq": position.get(), "next_by_subj": subjects(self.region)})).await
    }

    async fn look(&self, question: serde_json::Value) -> Result<Option<StreamMessage>, BrokerError> {
        let doing = format!("looking for a message of {}", self.name);
        let operation = format!("STREAM.MSG.GET.{}", self.name);
        let found: Found = match self.broker.ask(&doing, &operation, &question).await {
            Err(BrokerError::Refused { code: CODE_NO_MESSAGE, .. }) => return Ok(None),
            answer => answer?,
        };
        let bad = |detail: String| BrokerError::Answer { doing: doing.clone(), detail };
        let Parts { subject, seq, hdrs, data } = found.message;
        let position = Position::new(seq).ok_or_else(|| bad(format!("position {seq}")))?;
        let headers = STANDARD.decode(hdrs).map_err(|error| bad(error.to_string()))?;
        let bytes = STANDARD.decode(data).map_err(|error| bad(error.to_string()))?;
        Ok(Some(StreamMessage::of_block(position, &subject, bytes, &headers)))
    }
}

impl StreamMessage {
    /// Reads a message whose headers are a block as it is on the wire (NATS protocol, HMSG), which may be anything.
    #[must_use]
    pub fn of_block(position: Position, subject: &str, bytes: Vec<u8>, headers: &[u8]) -> StreamMessage {
        StreamMessage::read(position, subject, bytes, |name| header(headers, name))
    }
}

/// The first value of a header in a block that may be anything.
fn header(block: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(block);
    text.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_block() {
        let cases: [(&[u8], Option<&str>); 5] = [
            (b"NATS/1.0\r\nA: 1\r\nNats-Msg-Id: x y \r\n\r\n", Some("x y")),
            (b"NATS/1.0 503\r\nno colon\r\nNats-Msg-Id:z\r\n\r\n", Some("z")),
            (b"NATS/1.0\r\n\xff\xfe: \xff\r\nNats-Msg-Id: z\r\n", Some("z")),
            (b"NATS/1.0\r\nnats-msg-id: z\r\n", None),
            (b"", None),
        ];
        for (block, value) in cases {
            assert_eq!(header(block, "Nats-Msg-Id").as_deref(), value);
        }
    }
}
