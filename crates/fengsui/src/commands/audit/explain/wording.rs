//! The sentences of an explanation in both languages.

use fengsui_event::{AgencyCode, CaseId, Language};
use fengsui_projector::explain::{Basis, Calculation, Change, Difference, Explanation, Target, TracedEvent, What};
use fengsui_rulebook::PointsFall;

use super::covering::Covering;
use crate::session::Names;
use crate::text;

/// What sentences are made with.
pub struct Wording<'a> {
    pub language: Language,
    pub names: &'a Names<'a>,
    pub explanation: &'a Explanation,
    pub covering: Option<&'a Covering>,
}

impl Wording<'_> {
    /// One of two texts.
    pub fn say<T>(&self, zh: T, en: T) -> T {
        self.language.pick(zh, en)
    }

    /// What the explanation is.
    pub fn title(&self) -> String {
        match &self.explanation.target {
            Target::Unit { .. } => self.say("信用积分来源说明", "Where the points come from").to_owned(),
            Target::Case { case } => self.say(format!("案件 {case} 来源说明"), format!("Case {case} explained")),
            Target::Entry { number, .. } => {
                self.say(format!("第 {number} 笔账目来源说明"), format!("Entry {number} explained"))
            }
        }
    }

    /// A list in the language's own way.
    pub fn list(&self, items: &[String]) -> String {
        items.join(self.say("、", ", "))
    }

    /// The answer to the whole.
    pub fn verdict(&self) -> String {
        let Explanation { entries, events, differences, .. } = self.explanation;
        let (entries, events, differences) = (entries.len(), events.len(), differences.len());
        if self.covering.is_some_and(Covering::is_broken) {
            return self.checkpoint_broken();
        }
        if self.explanation.is_broken() {
            return self.say(
                format!("不可信：{differences} 处不符，其中有的事件未通过验证；请用 fengsui audit verify 核验整个日志"),
                format!(
                    "Not to be trusted: {}, and not every event is genuine; check the whole log with fengsui audit verify",
                    count(differences, "finding", "findings"),
                ),
            );
        }
        if differences > 0 {
            return self.say(
                format!("有出入：查询库、日志和规则有 {differences} 处不一致；可用 fengsui replay 重建查询库后再作比较"),
                format!(
                    "Differs: tables, log and rulebook do not agree in {}; draw the tables again with fengsui replay and compare",
                    count(differences, "place", "places"),
                ),
            );
        }
        self.say(
            format!("一致：{events} 个事件签名和密钥有效；{entries} 笔账目由日志和规则重新计算，结果与查询库相同"),
            format!(
                "Agrees: signature and key are good in {}; what log and rulebook give is what the tables have, in {}",
                count(events, "event", "events"),
                count(entries, "entry", "entries"),
            ),
        )
    }

    fn checkpoint_broken(&self) -> String {
        self.say(
            "不可信：日志不是检查点所签的日志；请用 fengsui audit verify 核验整个日志",
            "Not to be trusted: the log is not the one that was signed as a checkpoint; check the whole log with fengsui audit verify",
        )
        .to_owned()
    }

    /// The checkpoint against which events were held.
    pub fn checkpoint(&self) -> String {
        let Some(covering) = self.covering else {
            return self.say("日志上尚无检查点", "the log has no checkpoint yet").to_owned();
        };
        let Covering { size, root, cosigned, quorum, .. } = covering;
        let agencies = self.list(&cosigned.iter().map(AgencyCode::to_string).collect::<Vec<_>>());
        let enough = match quorum {
            true => self.say("已过半数", "more than half"),
            false => self.say("未过半数", "not more than half"),
        };
        self.say(
            format!("覆盖 {size} 个位置，会签：{agencies}（{enough}）\n{root}"),
            format!("{size} positions, cosigned by {agencies} ({enough})\n{root}"),
        )
    }

    /// Whether an event is in the tree of that checkpoint.
    pub fn inclusion(&self, traced: &TracedEvent) -> Option<String> {
        let covering = self.covering?;
        let size = covering.size;
        let has = |positions: &[u64]| positions.contains(&traced.position);
        Some(if has(&covering.included) {
            self.say(
                format!("在覆盖 {size} 个位置的检查点中，证明成立"),
                format!("in the checkpoint of {size} positions; the proof holds"),
            )
        } else if has(&covering.not_covered) {
            self.say(
                format!("晚于覆盖 {size} 个位置的检查点"),
                format!("came after the checkpoint of {size} positions"),
            )
        } else {
            self.say(
                format!("未通过：与覆盖 {size} 个位置的检查点不符"),
                format!("NOT GOOD: not what the checkpoint of {size} positions holds"),
            )
        })
    }

    /// Whether an event is genuine.
    pub fn verification(&self, traced: &TracedEvent) -> String {
        match &traced.fault {
            None => self.say("签名有效，密钥在该位置有效", "signature good, key good at this position").to_owned(),
            Some(cause) => {
                let reason = cause.message(self.language);
                self.say(format!("未通过：{reason}"), format!("NOT GOOD: {reason}"))
            }
        }
    }

    /// The key that signed an event, and from where it is known.
    pub fn key(&self, traced: &TracedEvent) -> Option<String> {
        let key = traced.key.as_ref()?;
        let known = match key.since {
            None => self.say("未登记".to_owned(), "not registered".to_owned()),
            Some(0) => self.say("交换文件所载".to_owned(), "of the exchange file".to_owned()),
            Some(since) => self.say(format!("位置 {since} 登记"), format!("registered at position {since}")),
        };
        Some(format!("{}\n{known}", key.keyid))
    }

    /// A change in words.
    pub fn change(&self, change: &Change) -> String {
        let Change { what, of, from, to } = change;
        let of = of.as_deref().map(|of| self.of(*what, of)).unwrap_or_default();
        let value = |value: &Option<String>| value.as_deref().map(|value| self.value(*what, value));
        let label = self.label(*what);
        let name = if of.is_empty() { label.to_owned() } else { format!("{label} {of}") };
        match (value(from), value(to)) {
            (Some(from), Some(to)) => format!("{name}{}{from} → {to}", self.say("：", ": ")),
            (None, Some(to)) => format!("{name}{}{to}", self.say("：", ": ")),
            (Some(from), None) => format!("{name}{}{from} → {}", self.say("：", ": "), self.say("终止", "ended")),
            (None, None) => name,
        }
    }

    fn label(&self, what: What) -> &'static str {
        match what {
            What::Account => self.say("开立账户", "account opened"),
            What::Case => self.say("立案", "case opened"),
            What::Status => self.say("案件状态", "case"),
            What::Lead => self.say("主办部门", "lead"),
            What::Report => self.say("录入内容", "report"),
            What::Referral => self.say("抄送", "referral"),
            What::Reminders => self.say("催办次数", "reminders"),
            What::Supervision => self.say("督办", "supervision"),
            What::Term => self.say("期限", "term"),
            What::Feedback => self.say("反馈", "feedback"),
            What::Determined => self.say("认定日期", "determined on"),
            What::Rectified => self.say("消除日期", "rectified on"),
            What::Objection => self.say("异议", "objection"),
            What::Entry => self.say("账目", "entry"),
        }
    }

    fn of(&self, what: What, of: &str) -> String {
        let agency =
            |code: &str| code.parse::<AgencyCode>().map_or_else(|_| code.to_owned(), |code| self.names.agency(code));
        match (what, of.split_once(' ')) {
            (What::Referral, Some((addressee, role))) => {
                let role = text::term(role, self.language);
                self.say(format!("{}（{role}）", agency(addressee)), format!("{} ({role})", agency(addressee)))
            }
            (What::Term, Some((owed, by))) => {
                let owed = text::owed(owed, self.language);
                self.say(format!("{}（{owed}）", agency(by)), format!("{} ({owed})", agency(by)))
            }
            (What::Reminders | What::Supervision | What::Feedback, _) => agency(of),
            _ => of.to_owned(),
        }
    }

    fn value(&self, what: What, value: &str) -> String {
        match what {
            What::Lead => value.parse().map_or_else(|_| value.to_owned(), |code| self.names.agency(code)),
            What::Supervision => text::level(value, self.language),
            What::Entry => self.say(format!("{} 分", signed(value)), format!("{} points", signed(value))),
            What::Case | What::Status | What::Referral | What::Feedback => text::term(value, self.language),
            What::Objection => {
                let decided = fengsui_event::ObjectionDecision::ALL.iter().find(|decision| decision.code() == value);
                decided.map_or_else(
                    || text::term(value, self.language),
                    |decision| decision.name(self.language).to_owned(),
                )
            }
            _ => value.to_owned(),
        }
    }

    /// How points follow from the rulebook, in a sentence.
    pub fn calculation(&self, calculation: &Calculation) -> String {
        let follows = match calculation.points {
            Some(points) => signed(&points.to_string()),
            None => self.say("不计分", "nothing").to_owned(),
        };
        let basis = self.basis(&calculation.basis);
        self.say(format!("{basis}；得 {follows} 分"), format!("{basis}; that gives {follows} points"))
    }

    fn basis(&self, basis: &Basis) -> String {
        match basis {
            Basis::Opening => self.say("账户开立时的积分", "the balance with which an account opens").to_owned(),
            Basis::Deduction { category, severity, falls } => {
                let (category, severity) = (self.names.category(category), severity.name(self.language));
                let when = self.stage(*falls);
                self.say(
                    format!("{category}，{severity}，{when}扣分"),
                    format!("{category}, {severity}; points fall {when}"),
                )
            }
            Basis::Repetition { base, months, since, offences, .. } => {
                let cases = self.list(&offences.iter().map(CaseId::to_string).collect::<Vec<_>>());
                let count = offences.len();
                self.say(
                    format!("{since} 之后的 {months} 个月内同类违法已有 {count} 次（{cases}），在基础分 {base} 分之外加扣"),
                    format!("earlier offences of the category within {months} months, after {since}: {count} ({cases}); a share of the base of {base} comes on top"),
                )
            }
            Basis::Late { category, severity, due_on } => {
                let (category, severity) = (self.names.category(category), severity.name(self.language));
                let due = due_on.map(|due| due.to_string()).unwrap_or_default();
                self.say(
                    format!("{category}，{severity}，整改期限 {due}，逾期加扣"),
                    format!("{category}, {severity}; rectification was due on {due} and came too late"),
                )
            }
            Basis::Restoration { category, severity, taken, entry } => {
                let (category, severity) = (self.names.category(category), severity.name(self.language));
                self.say(
                    format!("{category}，{severity}，按期整改，返还第 {entry} 笔所扣 {taken} 分的一部分"),
                    format!("{category}, {severity}; rectified in time, so a part of the {taken} points of entry {entry} comes back"),
                )
            }
            Basis::Correction { reverses, of } => {
                let of = signed(&of.to_string());
                self.say(
                    format!("冲回第 {reverses} 笔的 {of} 分"),
                    format!("takes back the {of} points of entry {reverses}"),
                )
            }
            Basis::Adjustment { reason, legal_basis } => self.say(
                format!("联席会议办公室决定，依据 {legal_basis}：{reason}"),
                format!("decided by the authority under {legal_basis}: {reason}"),
            ),
        }
    }

    fn stage(&self, falls: PointsFall) -> &'static str {
        match falls {
            PointsFall::Alleged => self.say("录入时", "when it is reported"),
            PointsFall::Determined => self.say("认定时", "when it is determined"),
            PointsFall::Closed => self.say("销案时", "when its case closes"),
        }
    }

    /// A difference in words.
    pub fn difference(&self, difference: &Difference) -> String {
        match difference {
            Difference::NotGenuine { position, cause } => {
                let reason = cause.message(self.language);
                self.say(
                    format!("位置 {position} 的事件未通过验证：{reason}"),
                    format!("the event at position {position} is not genuine: {reason}"),
                )
            }
            Difference::Refused { position, cause } => {
                let reason = cause.message(self.language);
                self.say(
                    format!("查询库称位置 {position} 的事件有效，重新计算则无效：{reason}"),
                    format!("the tables give the event at position {position} an effect; worked out again it has none: {reason}"),
                )
            }
            Difference::NotFromLog { number } => self.say(
                format!("查询库有第 {number} 笔账目，日志没有"),
                format!("the tables have entry {number}, the log does not give it"),
            ),
            Difference::NotInTables { number } => self.say(
                format!("日志有第 {number} 笔账目，查询库没有"),
                format!("the log gives entry {number}, the tables do not have it"),
            ),
            Difference::Entry { number, field, tables, log } => self.say(
                format!("第 {number} 笔账目的 {field}：查询库为 {tables}，日志为 {log}"),
                format!("entry {number}, {field}: the tables say {tables}, the log gives {log}"),
            ),
            Difference::Calculation { number, entry, rulebook } => {
                let rulebook = rulebook.map_or_else(|| "—".to_owned(), |points| points.to_string());
                self.say(
                    format!("第 {number} 笔账目：日志为 {entry} 分，按规则应为 {rulebook} 分"),
                    format!("entry {number}: the log gives {entry} points, the rulebook {rulebook}"),
                )
            }
            Difference::Case { case, field } => self.say(
                format!("案件 {case} 的 {field} 与日志不一致"),
                format!("case {case}: {field} is not what the log gives"),
            ),
            Difference::Account { tables, log } => self.say(
                format!("账户合计：查询库为 {tables} 分，日志为 {log} 分"),
                format!("the account's sum: the tables say {tables}, the log gives {log}"),
            ),
        }
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Points with their sign.
pub fn signed(points: &str) -> String {
    if points.starts_with('-') { points.replacen('-', "−", 1) } else { format!("+{points}") }
}
