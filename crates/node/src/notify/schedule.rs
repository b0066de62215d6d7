//! When to try again: pure functions of how often it was tried.

use fengsui_event::{Digest, Timestamp};
use jiff::{SignedDuration, fmt::rfc2822};

/// The wait after the first attempt that failed.
const FIRST_WAIT_SECONDS: u64 = 5;

/// The longest wait between two attempts.
const WAIT_SECONDS_MAX: u64 = 6 * 60 * 60;

/// The longest wait that a receiver may ask for.
const ASKED_SECONDS_MAX: u64 = 24 * 60 * 60;

/// After so many attempts, which take between four and six days, a notice is given up.
pub const ATTEMPTS_MAX: u32 = 30;

/// How long to wait after the attempt of this number, from 1: doubling, up to six hours, and up to a quarter more, so that notices
/// that failed together are not all tried again together. `salt` says which notice it is; the answer depends on nothing else.
pub fn wait_after(attempt: u32, salt: &str) -> SignedDuration {
    let doublings = attempt.saturating_sub(1).min(32);
    let seconds = (FIRST_WAIT_SECONDS << doublings).min(WAIT_SECONDS_MAX);
    let Digest(hash) = Digest::of(format!("{salt} {attempt}").as_bytes());
    let drawn = u64::from(u16::from_be_bytes([hash[0], hash[1]]));
    let milliseconds = seconds * 1_000 + seconds * 250 * drawn / u64::from(u16::MAX);
    SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// What a receiver asks for by `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. At most a day.
pub fn asked_wait(value: &str, now: Timestamp) -> Option<SignedDuration> {
    let value = value.trim();
    let asked = match value.parse::<u64>() {
        Ok(seconds) => SignedDuration::from_secs(i64::try_from(seconds.min(ASKED_SECONDS_MAX)).unwrap_or(i64::MAX)),
        Err(_) => rfc2822::parse(value).ok()?.timestamp().duration_since(now),
    };
    let longest = SignedDuration::from_secs(i64::try_from(ASKED_SECONDS_MAX).unwrap_or(i64::MAX));
    Some(asked.clamp(SignedDuration::ZERO, longest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours_with_at_most_a_quarter_more() {
        for (attempt, seconds) in
            [(1, 5), (2, 10), (3, 20), (10, 2_560), (13, 20_480), (14, 21_600), (30, 21_600), (u32::MAX, 21_600)]
        {
            for salt in ["a", "b", "01J/referral_issued webhook:office"] {
                let wait = wait_after(attempt, salt).as_millis();
                assert!((seconds * 1_000..=seconds * 1_250).contains(&wait), "{attempt} {salt}: {wait}");
            }
        }
        let drawn: std::collections::BTreeSet<i128> =
            (0..100).map(|salt| wait_after(1, &salt.to_string()).as_millis()).collect();
        assert!(drawn.len() > 50, "only {} different waits", drawn.len());
        assert_eq!(wait_after(3, "a"), wait_after(3, "a"));
    }

    #[test]
    fn all_attempts_take_between_four_and_six_days() {
        let all: i128 = (1..ATTEMPTS_MAX).map(|attempt| wait_after(attempt, "x").as_millis()).sum();
        let days = all / 86_400_000;
        assert!((4..6).contains(&days), "{days}");
    }

    #[test]
    fn receivers_ask_in_seconds_or_by_date_but_not_for_ever() {
        let now = "1994-11-06T08:48:37Z".parse().unwrap();
        let check = |value: &str, seconds: Option<i64>| {
            assert_eq!(asked_wait(value, now), seconds.map(SignedDuration::from_secs), "{value}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        // The example date of RFC 9110, section 5.6.7.
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("999999999999", Some(86_400));
        check("99999999999999999999999", None);
        check("soon", None);
        check("-5", None);
    }
}
