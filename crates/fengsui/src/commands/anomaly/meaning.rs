//! What each code means, and what to do about it.

/// What to do about an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: it counts once, or is for knowing only.
    Nothing,
    /// The same may succeed now.
    Retry,
    /// The state has moved on: look at the case, and do what is due there.
    Case,
    /// It must be entered again, otherwise.
    Again,
    /// The agency's keys are in question.
    Keys,
    /// Somebody may have tampered: have the log audited.
    Audit,
    /// The source must publish what is missing.
    Publish,
    /// A newer program is needed.
    Update,
    /// Its node's clock must be set.
    Clock,
    /// The rulebook must be looked at.
    Rulebook,
    /// Checkpoints are to be compared.
    Checkpoints,
}

impl Remedy {
    /// What to do, and with which command. `number` is the anomaly's, `position` its record's.
    pub fn told(self, number: u64, position: u64, case: Option<&str>) -> (&'static str, &'static str, Option<String>) {
        let of_case = case.map(|case| format!("fengsui case show {case}"));
        let command = |text: &str| Some(format!("fengsui {text}"));
        match self {
            Self::Nothing => ("无须处理", "nothing needs to be done", None),
            Self::Retry => (
                "所缺的前提现已具备时，由原部门重新办理",
                "when what was wanting is there now, its agency does it again",
                command(&format!("anomaly retry {number}")),
            ),
            Self::Case => {
                ("情况已变，请查看案件的现状后再办理", "things have moved on: see how the case stands now", of_case)
            }
            Self::Again => (
                "由原部门改正内容后重新录入",
                "its agency enters it again, mended",
                command(&format!("log show {position}")),
            ),
            Self::Keys => (
                "核对该部门登记的密钥，必要时更换或吊销",
                "compare the agency's registered keys; rotate or revoke where need be",
                command("agency list"),
            ),
            Self::Audit => {
                ("保留证据并核验整个日志", "keep the evidence and have the whole log verified", command("audit verify"))
            }
            Self::Publish => (
                "由来源节点恢复运行并补发；查看其发件箱",
                "its source must run and publish what is missing; see its outbox",
                command("node status"),
            ),
            Self::Update => {
                ("升级程序后重新建立查询库", "take a newer program, and draw the tables again", command("replay"))
            }
            Self::Clock => ("校准来源节点的时钟", "set the clock of its node right", command("doctor")),
            Self::Rulebook => ("查看生效的规则", "look at the rulebook in force", command("rulebook categories")),
            Self::Checkpoints => {
                ("比较各检查点及其会签", "compare the checkpoints and who cosigned them", command("checkpoint list"))
            }
        }
    }
}

/// A code in plain words.
pub struct Meaning {
    code: &'static str,
    /// 中文
    pub zh: &'static str,
    /// English
    pub en: &'static str,
    /// What to do.
    pub remedy: Remedy,
}

const fn is(code: &'static str, remedy: Remedy, zh: &'static str, en: &'static str) -> Meaning {
    Meaning { code, zh, en, remedy }
}

/// The meaning of a code.
pub fn meaning(code: &str) -> Option<&'static Meaning> {
    [RECORDS, GUARDS, OBJECTS].into_iter().flatten().find(|meaning| meaning.code == code)
}

/// The record itself: its form, its key, its place in its source's chain.
const RECORDS: &[Meaning] = &[
    is(
        "malformed_envelope",
        Remedy::Audit,
        "这些内容不是本交换的事件。",
        "What stands there is no event of this exchange.",
    ),
    is(
        "id_mismatch",
        Remedy::Audit,
        "消息以一个编号登记，而内容写着另一编号。",
        "It was filed under one id, and says another of itself.",
    ),
    is(
        "wrong_subject",
        Remedy::Audit,
        "消息发布的主题与其来源或类型不符。",
        "It was published where its source and type do not belong.",
    ),
    is(
        "bad_signature",
        Remedy::Audit,
        "签名与内容不符：内容被改动，或不是该密钥所签。",
        "The signature does not fit: the content was changed, or another key signed it.",
    ),
    is(
        "unknown_key",
        Remedy::Keys,
        "签名的密钥从未登记，不能认定出自该部门。",
        "The key that signed was never registered, so nobody can be held to it.",
    ),
    is("foreign_key", Remedy::Keys, "签名的密钥属于另一部门。", "The key that signed is another agency's."),
    is(
        "ended_key",
        Remedy::Keys,
        "签名的密钥此前已更换或吊销。",
        "The key that signed had been replaced or revoked before.",
    ),
    is("suspended_agency", Remedy::Keys, "该部门当时已暂停写入。", "The agency was suspended and could write nothing."),
    is("foreign_region", Remedy::Audit, "事件属于另一交换区域。", "The event is of another exchange."),
    is("duplicate", Remedy::Nothing, "同一事件再次到达；只计一次。", "The same event came twice; it counts once."),
    is(
        "conflict",
        Remedy::Audit,
        "两份不同的内容使用同一编号；先到的有效，两份都留作证据。",
        "Two different contents bear one id; the first counts, both are kept as evidence.",
    ),
    is(
        "chain_gap",
        Remedy::Publish,
        "事件有效，但该来源在其之前的事件尚未到达。",
        "The event counts, but earlier ones of its source have not come.",
    ),
    is(
        "chain_fork",
        Remedy::Audit,
        "该来源的两个事件指向不同的前一事件：其历史有两种。",
        "Its source tells its own history in two ways.",
    ),
    is(
        "sequence_reused",
        Remedy::Audit,
        "该来源的同一序号用了两次，多因恢复了较旧的发件箱。",
        "Its source used one number twice, most often with an old outbox put back.",
    ),
    is(
        "too_many_gaps",
        Remedy::Publish,
        "该来源缺少的事件过多，无法继续核对。",
        "So much of its source is missing that its chain cannot be followed.",
    ),
    is(
        "clock_went_back",
        Remedy::Clock,
        "事件有效，但记录时间早于该来源的前一事件。",
        "The event counts, but is dated before its source's previous one.",
    ),
    is(
        "split_view",
        Remedy::Checkpoints,
        "联席会议办公室就同一规模签署了两份不同的历史。",
        "The authority signed two different histories of one size.",
    ),
    is(
        "rollback",
        Remedy::Checkpoints,
        "部门会签了比此前更小的检查点：其日志曾恢复到旧状态，或有人在隐瞒。",
        "An agency cosigned less than before: its log was put back, or something is being hidden.",
    ),
    is("unknown_type", Remedy::Update, "本程序不识别这类事件。", "This program does not know such events."),
    is(
        "malformed_payload",
        Remedy::Update,
        "内容不符合该类事件的格式：来源程序有误，或版本较新。",
        "The content does not fit its type: its program is at fault, or newer.",
    ),
    is("lost", Remedy::Publish, "日志此处的内容已丢失。", "What stood here is lost."),
    is(
        "not_interpreted",
        Remedy::Update,
        "本版程序尚不处理这类事件。",
        "This version draws nothing from such events yet.",
    ),
];

/// What stood against it when it came.
const GUARDS: &[Meaning] = &[
    is("wrong_actor", Remedy::Case, "该部门当时无权办理此事。", "The agency had no right to do this then."),
    is(
        "missing",
        Remedy::Retry,
        "所指的对象当时不在日志中，多因先后到达的次序。",
        "What it names was not on the log then, most often because it came first.",
    ),
    is("exists", Remedy::Nothing, "所登记的对象已经存在。", "What it enters was there already."),
    is(
        "case_state",
        Remedy::Retry,
        "案件当时的状态不允许这样办理。",
        "The case did not stand so that this could be done.",
    ),
    is(
        "referral_state",
        Remedy::Retry,
        "抄送当时的状态不允许这样办理，例如尚未签收或已转走。",
        "The referral did not stand so: not acknowledged yet, say, or passed on.",
    ),
    is("feedback_answered", Remedy::Nothing, "该反馈已有答复。", "The feedback had its answer already."),
    is("objection_decided", Remedy::Nothing, "该异议已有决定。", "The objection was decided already."),
    is("already_referred", Remedy::Nothing, "案件已经抄送给该部门。", "The case was with that agency already."),
    is("lead_stands", Remedy::Retry, "案件当时已有主办部门。", "Another agency led the case then."),
    is("already_reminded", Remedy::Nothing, "另一节点已经催办。", "Another node had reminded already."),
    is(
        "already_supervised",
        Remedy::Nothing,
        "另一节点已经督办。",
        "Another node had put it under supervision already.",
    ),
    is(
        "already_determined",
        Remedy::Case,
        "违法行为已经认定，更正只能通过异议。",
        "The violation was determined; only an objection changes it now.",
    ),
    is("not_closable", Remedy::Retry, "当时还不具备销案的条件。", "What closing needs was not there yet."),
    is("no_order", Remedy::Retry, "当时还没有责令整改。", "No rectification had been ordered yet."),
];

/// What it says does not hold.
const OBJECTS: &[Meaning] = &[
    is("date_order", Remedy::Again, "日期的先后不合理。", "Its dates are out of order."),
    is("empty", Remedy::Again, "缺少必须填写的内容。", "Something that must be said is empty."),
    is("incoherent", Remedy::Again, "事件的各部分所指不一致。", "Its parts speak of different things."),
    is("no_rulebook", Remedy::Rulebook, "当日没有生效的规则。", "No rulebook was in force on that day."),
    is(
        "unknown_category",
        Remedy::Rulebook,
        "规则中没有该违法行为类别。",
        "The rulebook knows no such kind of violation.",
    ),
    is("bad_rulebook", Remedy::Rulebook, "所发布的规则不能使用。", "The rulebook that was published cannot be used."),
    is("outside_region", Remedy::Again, "地点不在本交换区域内。", "The place is outside this exchange."),
    is("position_range", Remedy::Again, "所指的位置不在其之前。", "It speaks of positions that were not before it."),
    is("certificate_revoked", Remedy::Nothing, "该证明此前已撤销。", "The certificate had been revoked before."),
    is("points_overflow", Remedy::Audit, "积分超出可记录的范围。", "The points leave the range that can be kept."),
    is("bad_note", Remedy::Checkpoints, "检查点的签名文本无法读取。", "The checkpoint's note cannot be read."),
    is("foreign_origin", Remedy::Checkpoints, "检查点属于另一日志。", "The checkpoint is of another log."),
    is(
        "not_signed_by_authority",
        Remedy::Checkpoints,
        "检查点没有联席会议办公室的有效签名。",
        "The authority has not signed the checkpoint.",
    ),
    is(
        "not_cosigned",
        Remedy::Checkpoints,
        "检查点没有该部门的有效会签。",
        "The agency has not cosigned the checkpoint that it published.",
    ),
    is(
        "cosigned_later",
        Remedy::Checkpoints,
        "会签的时间晚于事件的记录时间。",
        "The cosignature is dated after the event.",
    ),
    is(
        "already_cosigned",
        Remedy::Nothing,
        "该部门已会签同一检查点。",
        "The agency had cosigned that checkpoint already.",
    ),
    is(
        "too_many_of_size",
        Remedy::Checkpoints,
        "同一规模已有多个互相矛盾的检查点，再多一个也说明不了更多。",
        "So many checkpoints of one size contradict each other already that one more says nothing new.",
    ),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The codes that the fold's own source gives.
    fn codes() -> Vec<&'static str> {
        let sources = [
            include_str!("../../../../projector/src/fold/anomaly.rs"),
            include_str!("../../../../projector/src/fold/rejection.rs"),
            include_str!("../../../../projector/src/fold/checkpoint_fault.rs"),
        ];
        let mut codes = Vec::new();
        for source in sources {
            let (_, body) = source.split_once("const fn code(").unwrap();
            let (body, _) = body.split_once("\n    }\n").unwrap();
            let quoted = |line: &'static str| line.split_once("=> \"").and_then(|(_, rest)| rest.split('"').next());
            codes.extend(body.lines().filter_map(quoted));
        }
        codes
    }

    #[test]
    fn every_code_is_explained_and_nothing_else() {
        let mut known = codes();
        let mut told: Vec<&str> =
            [RECORDS, GUARDS, OBJECTS].into_iter().flatten().map(|meaning| meaning.code).collect();
        known.sort_unstable();
        told.sort_unstable();
        assert!(known.len() >= 50, "{known:?}");
        assert_eq!(told, known);
    }
}
