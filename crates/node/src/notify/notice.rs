//! One thing that an agency is told.

use std::fmt;

use fengsui_event::{AgencyCode, CaseId, Date, EventId, ReferralId, Timestamp};
use serde::{Deserialize, Serialize};

use super::NoticeKind;

/// What tells notices apart: an event is told once for one reason, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NoticeId {
    /// The event.
    pub event: EventId,
    /// What it means for the agency.
    pub kind: NoticeKind,
}

impl fmt::Display for NoticeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.event, self.kind)
    }
}

/// One thing that an agency is told. Holds no personal data: no free text of any event, and nothing about who reported a hazard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    #[serde(flatten)]
    pub id: NoticeId,
    /// Who is told.
    pub agency: AgencyCode,
    /// Who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<AgencyCode>,
    /// Position of the event on the log when it was read.
    pub position: u64,
    /// When the event was recorded; absent where its record could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<ReferralId>,
    /// By when the agency must act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_on: Option<Date>,
    /// The code of the anomaly, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<String>,
    /// The day before which it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Date>,
    /// One line.
    pub subject: String,
    /// Several lines, the subject not repeated.
    pub text: String,
}
