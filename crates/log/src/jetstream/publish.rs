//! Publishing: atomic batches, in order, each acknowledged before the next is sent.
//!
//! The batch protocol is that of NATS ADR-50: every message carries the batch's id and its number in it, and the last one the mark that commits all of
//! them. The broker stores them in one piece, with one sync.
//!
//! | step | failed, not stored | failed, but stored |
//! | --- | --- | --- |
//! | a message of the batch is lost or denied | the broker drops the batch; the commit is refused | cannot be: nothing counts before the commit |
//! | the commit or its answer is lost | [`PublishError::Unknown`]; the same ids are published again | the same; the broker answers "duplicate" or the copy holds the ids |

use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind};
use serde_json::Value;

use super::message::{headers, size};
use super::{BrokerError, PublishError, Stream};
use crate::{Position, Record};

/// How many records the broker takes as one piece (nats-server 2.15).
pub const ATOMIC_BATCH_MAX: usize = 1_000;

/// How many bytes are sent as one piece at most, unless a single record is larger: both sides hold them in memory.
pub const ATOMIC_BATCH_BYTES_MAX: usize = 8 << 20;

/// JetStream's code for a batch that holds an id which is known.
const CODE_DUPLICATE: u64 = 10_201;

/// A batch of which messages were denied is refused for being incomplete; the denial itself may come a moment later.
const DENIAL_GRACE: Duration = Duration::from_secs(1);

impl Stream {
    /// Publishes records in their order and answers with their positions, once the broker has acknowledged them as stored.
    ///
    /// Up to [`ATOMIC_BATCH_MAX`] records and [`ATOMIC_BATCH_BYTES_MAX`] bytes are stored whole or not at all; more are cut
    /// into parts of that size, each sent only when the one before is stored. So after an error the records before some part are
    /// stored and the others are not, except that with [`PublishError::Unknown`] the first part that is not known may be either.
    ///
    /// The broker is the only judge of ids here, and it forgets: [`JetStream`](super::JetStream) looks ids up in a copy first.
    pub fn publish(&self, batch: &[Record]) -> Result<Vec<Position>, PublishError> {
        let bytes_max = self.broker.client().max_payload();
        for (index, record) in batch.iter().enumerate() {
            if record.is_missing() {
                return Err(PublishError::Placeholder { index });
            }
            let bytes = size(record);
            if bytes > bytes_max {
                return Err(PublishError::TooLarge { index, id: record.id, bytes, bytes_max });
            }
        }
        let mut positions = Vec::with_capacity(batch.len());
        let mut rest = batch;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(part_length(rest));
            positions.extend(self.broker.runtime().block_on(self.publish_part(part))?);
            rest = after;
        }
        Ok(positions)
    }

    async fn publish_part(&self, part: &[Record]) -> Result<Vec<Position>, PublishError> {
        let doing = format!("publishing {} records", part.len());
        if !self.broker.is_connected() {
            return Err(Box::new(self.broker.disconnected(&doing)).into());
        }
        let concerns = |denied: &str| part.iter().any(|record| record.subject == denied);
        let answer = self.broker.listening(&doing, self.broker.ack_timeout(), concerns, self.send(part)).await;
        let answer = answer.unwrap_or_else(|error| match error {
            BrokerError::NotPermitted { subject } => Err(PublishError::NotPermitted { subject }),
            error => Err(unknown(part, error)),
        })?;
        self.positions(part, &doing, &answer)
    }

    /// Sends every message of a part and waits for the broker's answer to the last one.
    async fn send(&self, part: &[Record]) -> Result<Value, PublishError> {
        let client = self.broker.client();
        let batch_id = client.new_inbox().rsplit('.').next().unwrap_or_default().to_owned();
        let lost = |error: &dyn std::fmt::Display| {
            let doing = format!("publishing {} records", part.len());
            unknown(part, BrokerError::Answer { doing, detail: error.to_string() })
        };
        for (number, record) in (1..).zip(part) {
            let (subject, payload) = (record.subject.clone(), record.bytes.clone().into());
            let mut headers = headers(record);
            if part.len() > 1 {
                number_in_batch(&mut headers, &batch_id, number);
            }
            if number < part.len() {
                client.publish_with_headers(subject, headers, payload).await.map_err(|error| lost(&error))?;
                continue;
            }
            if part.len() > 1 {
                headers.insert("Nats-Batch-Commit", "1");
            }
            let request = Request::new().headers(headers).payload(payload).timeout(None);
            let answer = client.send_request(subject, request).await.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => Box::new(BrokerError::Unserved { stream: self.name.clone() }).into(),
                _ => lost(&error),
            })?;
            let answer: Value = serde_json::from_slice(&answer.payload).map_err(|error| lost(&error))?;
            if answer.get("error").is_some_and(|refusal| refusal["err_code"] != CODE_DUPLICATE) {
                tokio::time::sleep(DENIAL_GRACE).await;
            }
            return Ok(answer);
        }
        Ok(Value::Null)
    }

    fn positions(&self, part: &[Record], doing: &str, answer: &Value) -> Result<Vec<Position>, PublishError> {
        if let Some(refusal) = answer.get("error") {
            if refusal["err_code"] == CODE_DUPLICATE {
                return Err(PublishError::Duplicate);
            }
            return Err(Box::new(super::broker::refused(doing, refusal)).into());
        }
        if answer["duplicate"] == true {
            return Err(PublishError::Duplicate);
        }
        let count = if part.len() > 1 { answer["count"].as_u64() } else { Some(1) };
        let first = answer["seq"].as_u64().zip(count).and_then(|(last, count)| (last + 1).checked_sub(count));
        let is_ours = answer["stream"] == self.name.as_str() && count == u64::try_from(part.len()).ok();
        let positions =
            first.filter(|_| is_ours).map(|first| (first..).map_while(Position::new).take(part.len()).collect());
        positions.filter(|positions: &Vec<_>| positions.len() == part.len()).ok_or_else(|| {
            let detail =
                format!("an acknowledgement of {} records by {} is expected, found {answer}", part.len(), self.name);
            unknown(part, BrokerError::Answer { doing: doing.to_owned(), detail })
        })
    }
}

/// How many of the first records go together.
fn part_length(records: &[Record]) -> usize {
    let mut bytes = 0;
    let fits = records.iter().take(ATOMIC_BATCH_MAX).take_while(|record| {
        bytes += size(record);
        bytes <= ATOMIC_BATCH_BYTES_MAX
    });
    fits.count().max(1)
}

fn number_in_batch(headers: &mut HeaderMap, batch_id: &str, number: usize) {
    headers.insert("Nats-Batch-Id", batch_id);
    headers.insert("Nats-Batch-Sequence", number.to_string());
}

fn unknown(part: &[Record], cause: BrokerError) -> PublishError {
    let first = part.first().map_or_else(|| fengsui_event::EventId::from_bytes([0; 16]), |record| record.id);
    PublishError::Unknown { first, records: part.len(), cause: Box::new(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::record;

    #[test]
    fn parts_are_bounded_in_records_and_in_bytes() {
        let small: Vec<_> = (1..=1_001).map(record).collect();
        assert_eq!(part_length(&small), ATOMIC_BATCH_MAX);
        assert_eq!(part_length(&small[..3]), 3);
        let large = Record { bytes: vec![0; 3 << 20], ..record(1) };
        assert_eq!(part_length(&vec![large; 3]), 2);
        let huge = Record { bytes: vec![0; 9 << 20], ..record(1) };
        assert_eq!(part_length(&[huge, record(2)]), 1);
    }
}
