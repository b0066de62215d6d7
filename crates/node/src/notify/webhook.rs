//! Notices over HTTP, signed as the Standard Webhooks specification says (<https://www.standardwebhooks.com>, version 1.0).

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fengsui_event::Timestamp;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use ureq::Agent;
use url::Url;
use zeroize::Zeroizing;

use super::channel::{Answer, Channel};
use super::config::WebhookConfig;
use super::schedule::asked_wait;
use super::secret::{SecretFileError, read_secret};
use super::trust::Trust;
use super::{Notice, NotifyError};

/// What the names of such channels begin with.
pub(super) const PREFIX: &str = "webhook:";

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// How many bytes a secret has (section "signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the whole exchange may take, in seconds, unless the configuration says otherwise.
const EXCHANGE_SECONDS: u64 = 15;

/// The secret that a receiver shares with this node.
pub(super) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    fn load(path: &Path) -> Result<Self, SecretFileError> {
        let text = read_secret(path)?;
        Self::from_text(&text).map_err(|reason| SecretFileError::Unfit { path: path.to_owned(), reason })
    }

    fn from_text(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix(SECRET_PREFIX);
        let encoded = encoded.ok_or("expected `whsec_` and then base64, as the receiver gives it out")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?;
        let bytes = Zeroizing::new(bytes);
        if SECRET_BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err("expected 24 to 64 bytes in base64") }
    }

    /// The value of `webhook-signature`.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// A receiver over HTTP.
pub(super) struct Webhook {
    name: String,
    url: Url,
    secret: Secret,
    agent: Agent,
}

impl Webhook {
    pub(super) fn open(config: &WebhookConfig, root: &Path, trust: &Trust) -> Result<Self, NotifyError> {
        // The URL may hold a token, so no message shows it.
        let unfit = |reason: &str| NotifyError::Configuration {
            what: format!("`url` of the webhook {}", config.name),
            reason: reason.to_owned(),
        };
        let url = Url::parse(&config.url).map_err(|error| unfit(&error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(unfit("expected https:// or, inside a network that is trusted, http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unfit("it holds a user or password; receivers know this node by its signature"));
        }
        let secret = Secret::load(&root.join(&config.secret_file))?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The 3xx answer itself comes back: the signature is meant for this receiver and for no other.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("fengsui/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(Duration::from_secs(config.timeout_seconds.unwrap_or(EXCHANGE_SECONDS))))
            .max_idle_connections_per_host(1)
            .tls_config(trust.for_http())
            .build()
            .new_agent();
        Ok(Self { name: format!("{PREFIX}{}", config.name), url, secret, agent })
    }

    fn post(&self, notice: &Notice, now: Timestamp) -> Answer {
        let (id, seconds) = (notice.id.to_string(), now.as_second());
        let body = match body(notice) {
            Ok(body) => body,
            Err(error) => return Answer::Failed { reason: error.to_string() },
        };
        let Some(signature) = self.secret.sign(&id, seconds, &body) else {
            return Answer::Failed { reason: "it cannot be signed".to_owned() };
        };
        let request = self
            .agent
            .post(self.url.as_str())
            .header("content-type", "application/json")
            .header("idempotency-key", &id)
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature);
        match request.send(&body[..]) {
            Ok(response) => {
                let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
                answer_of(response.status().as_u16(), retry_after, now)
            }
            Err(error) => Answer::down(reason_of(&error)),
        }
    }
}

impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&mut self, notices: &[Notice], now: Timestamp) -> Answer {
        let mut last = Answer::Sent { remark: None };
        for notice in notices {
            last = self.post(notice, now);
            if !matches!(last, Answer::Sent { .. }) {
                break;
            }
        }
        last
    }
}

/// The body, always the same for a notice. `type`, `timestamp` and `data` are what the specification recommends.
fn body(notice: &Notice) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = serde_json::json!({ "type": notice.id.kind, "data": notice });
    if let Some(recorded_at) = notice.recorded_at {
        body["timestamp"] = serde_json::json!(recorded_at);
    }
    serde_json::to_vec(&body)
}

/// What a status means for the notice.
fn answer_of(status: u16, retry_after: Option<&str>, now: Timestamp) -> Answer {
    let asked = retry_after.and_then(|value| asked_wait(value, now));
    match status {
        200..=299 => Answer::Sent { remark: None },
        300..=399 => Answer::Failed {
            reason: format!(
                "the receiver redirects (status {status}), which is not followed; set `url` to the final address"
            ),
        },
        410 => {
            Answer::Failed { reason: "the receiver is gone for good (status 410); take it out of node.toml".to_owned() }
        }
        408 | 425 | 500 => {
            Answer::Retry { reason: format!("the receiver answered status {status}"), asked, channel_is_down: false }
        }
        429 | 501..=599 => {
            Answer::Retry { reason: format!("the receiver answered status {status}"), asked, channel_is_down: true }
        }
        _ => Answer::Failed { reason: format!("the receiver refused it (status {status})") },
    }
}

/// Why there was no answer, without the URL.
fn reason_of(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Io(error) => format!("it cannot be reached: {error}"),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        ureq::Error::Tls(reason) => format!("TLS: {reason}"),
        _ => "its answer is not HTTP".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::SignedDuration;

    use super::*;

    /// The example that the specification's own libraries are tested with.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let secret = Secret::from_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_that_are_none_are_refused_without_being_shown() {
        for (text, told) in [
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
            ("whsec_not base64", "not base64"),
            ("whsec_c2hvcnQ=", "24 to 64 bytes"),
        ] {
            let reason = Secret::from_text(text).map(drop).unwrap_err();
            assert!(reason.contains(told), "{reason}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        let now = "2026-11-25T00:00:00Z".parse().unwrap();
        let check = |status: u16, expected: &str| {
            let found = match answer_of(status, Some("7"), now) {
                Answer::Sent { .. } => "sent",
                Answer::Failed { .. } => "failed",
                Answer::Unknown { .. } => "unknown",
                Answer::Retry { asked, channel_is_down, .. } => {
                    assert_eq!(asked, Some(SignedDuration::from_secs(7)), "{status}");
                    if channel_is_down { "wait" } else { "retry" }
                }
            };
            assert_eq!(found, expected, "{status}");
        };
        for (statuses, expected) in [
            (&[200, 201, 202, 204, 299][..], "sent"),
            (&[301, 302, 307, 308], "failed"),
            (&[400, 401, 403, 404, 410, 413, 422], "failed"),
            (&[408, 425, 500], "retry"),
            (&[429, 502, 503, 504], "wait"),
        ] {
            for status in statuses {
                check(*status, expected);
            }
        }
    }
}
