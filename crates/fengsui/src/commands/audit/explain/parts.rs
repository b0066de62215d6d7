//! An explanation as a document: the answer first, then entries, cases, events and the register.

use fengsui_event::Language;
use fengsui_node::as_of::Moment;
use fengsui_projector::explain::{ExplainedCase, ExplainedEntry, Explanation, QuotedRule, Target, TracedEvent};

use super::covering::Covering;
use super::wording::{Wording, signed};
use crate::commands::history::local_time;
use crate::describe;
use crate::pages::{Document, Section, Table, TableColumn, Tone};
use crate::text;

/// The whole document.
pub fn document(wording: &Wording<'_>, moment: Moment) -> Document {
    let mut document = Document::default();
    opening(wording, moment, document.opening());
    if let Target::Unit { .. } = wording.explanation.target {
        account(wording, &mut document);
    }
    for entry in &wording.explanation.entries {
        explained_entry(wording, entry, &mut document);
    }
    for case in &wording.explanation.cases {
        explained_case(wording, case, &mut document);
    }
    events(wording, &mut document);
    register(wording, &mut document);
    document
}

/// What was asked, and the answer.
fn opening(wording: &Wording<'_>, moment: Moment, section: &mut Section) {
    let Explanation { unit, name, balance, grade, differences, .. } = wording.explanation;
    let grade = grade.map(|grade| grade.to_string());
    section
        .fact(wording.say("单位", "unit"), format!("{unit} {name}"))
        .fact(wording.say("截至", "as of"), as_of(wording, moment))
        .fact(wording.say("积分", "balance"), balance)
        .fact_some(wording.say("等级", "grade"), grade)
        .fact(wording.say("检查点", "checkpoint"), wording.checkpoint());
    let holds = !wording.covering.is_some_and(Covering::is_broken);
    let tone = if holds && differences.is_empty() { Tone::Good } else { Tone::Bad };
    section.verdict(tone, wording.verdict());
    for difference in differences {
        section.verdict(Tone::Bad, wording.difference(difference));
    }
}

fn as_of(wording: &Wording<'_>, moment: Moment) -> String {
    let Moment { position, date } = moment;
    wording.say(format!("{date}（位置 {position}）"), format!("{date} (position {position})"))
}

/// The entries at a glance, and why the balance gives the grade.
fn account(wording: &Wording<'_>, document: &mut Document) {
    let section = document.part(wording.say("积分账目", "Entries"));
    let column = |zh: &str, en: &str, number| TableColumn { title: wording.say(zh, en).to_owned(), number };
    let columns = vec![
        column("序号", "entry", true),
        column("类型", "kind", false),
        column("分值", "points", true),
        column("生效日期", "effective", false),
        column("期满日期", "until", false),
        column("计入", "counts", false),
        column("位置", "position", true),
        column("核对", "agrees", false),
    ];
    let yes = |is: bool| wording.say(if is { "是" } else { "否" }, if is { "yes" } else { "no" }).to_owned();
    let row = |entry: &ExplainedEntry| {
        let line = &entry.line;
        vec![
            line.number.to_string(),
            text::term(&line.kind, wording.language),
            signed(&line.points.to_string()),
            line.effective_on.to_string(),
            line.counted_until.map(|until| until.to_string()).unwrap_or_default(),
            yes(entry.counts),
            line.position.to_string(),
            yes(entry.agrees),
        ]
    };
    let entries = &wording.explanation.entries;
    section.table(Table { columns, rows: entries.iter().map(row).collect() });
    let Explanation { balance, grade, grading, .. } = wording.explanation;
    if let (Some(grade), Some(grading)) = (grade, grading) {
        let rulebook = &grading.rulebook;
        section.text(wording.say(
            format!("计入的账目合计 {balance} 分；按规则 {rulebook}，等级为 {grade}："),
            format!("The entries that count add up to {balance}; by rulebook {rulebook} that is grade {grade}:"),
        ));
        if let Some(excerpt) = &grading.excerpt {
            section.verbatim(&excerpt.text);
        }
    }
}

fn explained_entry(wording: &Wording<'_>, entry: &ExplainedEntry, document: &mut Document) {
    let line = &entry.line;
    let kind = text::term(&line.kind, wording.language);
    let points = signed(&line.points.to_string());
    let number = line.number;
    let section = document
        .part(wording.say(format!("第 {number} 笔：{kind} {points} 分"), format!("Entry {number}: {kind} {points}")));
    let until = line.counted_until.map(|until| until.to_string());
    let chain: Vec<String> = entry.chain.iter().map(ToString::to_string).collect();
    section
        .fact(wording.say("生效日期", "effective on"), line.effective_on)
        .fact_some(wording.say("期满日期", "counted until"), until)
        .fact(
            wording.say("现在计入", "counts now"),
            wording.say(if entry.counts { "是" } else { "否" }, if entry.counts { "yes" } else { "no" }),
        )
        .fact(wording.say("规则", "rule"), &line.rule)
        .fact(wording.say("规则版本", "rulebook"), rulebook(wording, entry))
        .fact_some(wording.say("规则哈希", "its SHA-256"), entry.published.as_ref().map(|published| published.sha256))
        .fact_some(wording.say("案件", "case"), line.case)
        .fact(wording.say("起因事件", "cause"), format!("{} {}", line.position, line.cause))
        .fact(wording.say("因果链", "chain"), chain.join(" → "));
    match &entry.calculation {
        Some(calculation) => {
            section.fact(wording.say("计算", "calculation"), wording.calculation(calculation));
            for rule in &calculation.rules {
                quoted(wording, rule, section);
            }
        }
        None => {
            section
                .verdict(Tone::Bad, wording.say("规则和日志不能得出该账目", "log and rulebook do not give this entry"));
        }
    }
    if entry.agrees {
        section.verdict(Tone::Good, wording.say("查询库、日志和规则一致", "tables, log and rulebook agree"));
    } else {
        section.verdict(Tone::Bad, wording.say("查询库、日志和规则不一致", "tables, log and rulebook do not agree"));
    }
}

fn rulebook(wording: &Wording<'_>, entry: &ExplainedEntry) -> String {
    let Some(published) = &entry.published else { return entry.line.rulebook.clone() };
    let [zh, en] = &published.name;
    let (version, position, from) = (&published.version, published.position, published.effective_from);
    wording.say(
        format!("{version} {zh}\n位置 {position} 发布，自 {from} 起施行"),
        format!("{version} {en}\npublished at position {position}, in force from {from}"),
    )
}

/// A rule with the rulebook's own lines.
fn quoted(wording: &Wording<'_>, rule: &QuotedRule, section: &mut Section) {
    let Some(excerpt) = &rule.excerpt else { return };
    let (name, rulebook, line) = (&rule.rule, &rule.rulebook, excerpt.line);
    section.text(
        wording.say(
            format!("规则 {name}，见 {rulebook} 第 {line} 行："),
            format!("Rule {name}, {rulebook}, line {line}:"),
        ),
    );
    section.verbatim(&excerpt.text);
}

fn explained_case(wording: &Wording<'_>, case: &ExplainedCase, document: &mut Document) {
    let id = case.case;
    let section = document.part(wording.say(format!("案件 {id}"), format!("Case {id}")));
    let state = &case.state;
    let entries: Vec<String> = case.entries.iter().map(ToString::to_string).collect();
    let events: Vec<String> = case.events.iter().map(ToString::to_string).collect();
    section
        .fact(wording.say("类别", "category"), wording.names.category(&case.category))
        .fact(wording.say("程度", "severity"), case.severity.name(wording.language))
        .fact(wording.say("事实", "facts"), &state.facts)
        .fact(wording.say("发现", "found"), format!("{} {}", case.found_on, wording.names.agency(case.reporter)))
        .fact_some(wording.say("主办部门", "lead"), case.lead.map(|lead| wording.names.agency(lead)))
        .fact(wording.say("状态", "status"), text::term(case.status, wording.language))
        .fact(wording.say("抄送依据", "routing"), describe::routing(&state.routing.answer, wording.language))
        .fact(
            wording.say("所引账目", "entries caused"),
            if entries.is_empty() { "0".to_owned() } else { wording.list(&entries) },
        )
        .fact(wording.say("事件位置", "events at"), events.join(" → "));
    if let Some(rule) = &case.routing {
        quoted(wording, rule, section);
    }
}

fn events(wording: &Wording<'_>, document: &mut Document) {
    if wording.explanation.events.is_empty() {
        return;
    }
    document.part(wording.say("事件（时间为 UTC+08:00）", "Events (times in UTC+08:00)")).text(wording.say(
        "每个事件均现由日志原文重新验证：签名、密钥、编号和发布主题。",
        "Each event was verified now from the log's bytes: signature, key, id and subject.",
    ));
    for traced in &wording.explanation.events {
        event(wording, traced, document);
    }
}

fn event(wording: &Wording<'_>, traced: &TracedEvent, document: &mut Document) {
    let section = document.item(heading(wording, traced));
    let said = traced.parsed.as_deref().map(|event| describe::describe(event, wording.language));
    section
        .fact_some(wording.say("时间", "time"), traced.time.map(local_time))
        .fact_some(wording.say("内容", "says"), said.filter(|said| !said.is_empty()));
    effect(wording, traced, section);
    section.fact_some(wording.say("起因", "follows from"), cause(wording, traced));
    evidence(wording, traced, section);
}

fn heading(wording: &Wording<'_>, traced: &TracedEvent) -> String {
    let kind = traced.type_text.as_deref().map(|kind| text::event_type(kind, wording.language)).unwrap_or_default();
    let agency = traced.agency.map(|agency| wording.names.agency(agency)).unwrap_or_default();
    let position = traced.position;
    match wording.language {
        Language::Zh => format!("位置 {position} {kind} {agency}"),
        Language::En => format!("Position {position} {kind} {agency}"),
    }
}

/// What an event did, or why it did nothing.
fn effect(wording: &Wording<'_>, traced: &TracedEvent, section: &mut Section) {
    let label = wording.say("效果", "effect");
    if let Some(cause) = &traced.without_effect {
        let reason = cause.message(wording.language);
        section.fact(label, wording.say(format!("无：{reason}"), format!("none: {reason}")));
    } else if traced.effect.is_empty() {
        section.fact(label, wording.say("记入案卷", "noted in the file"));
    } else {
        let changes: Vec<String> = traced.effect.iter().map(|change| wording.change(change)).collect();
        section.fact(label, changes.join("\n"));
    }
    for notice in &traced.notices {
        section.verdict(Tone::Doubt, notice.message(wording.language));
    }
}

fn cause(wording: &Wording<'_>, traced: &TracedEvent) -> Option<String> {
    let causation = traced.causation?;
    let Some(position) = traced.caused_by else { return Some(causation.to_string()) };
    let before = wording.explanation.event(position);
    let kind = before.and_then(|event| event.type_text.as_deref()).map(|kind| text::event_type(kind, wording.language));
    let kind = kind.unwrap_or_default();
    Some(wording.say(format!("位置 {position} {kind}"), format!("position {position} {kind}")).trim_end().to_owned())
}

/// What signed bytes an event is.
fn evidence(wording: &Wording<'_>, traced: &TracedEvent, section: &mut Section) {
    let link = traced.sequence.zip(traced.source.as_ref()).map(|(sequence, source)| {
        wording.say(format!("{source} 第 {sequence} 号"), format!("number {sequence} of {source}"))
    });
    let bytes = traced.bytes;
    section
        .fact(wording.say("事件编号", "id"), traced.event)
        .fact_some(wording.say("来源", "source"), link)
        .fact(wording.say("原文", "bytes"), wording.say(format!("{bytes} 字节"), format!("{bytes}")))
        .fact("SHA-256", traced.sha256)
        .fact_some(wording.say("密钥", "key"), wording.key(traced))
        .fact(wording.say("验证", "verified"), wording.verification(traced))
        .fact_some(wording.say("哈希树", "tree"), wording.inclusion(traced));
}

/// On what the verification rests.
fn register(wording: &Wording<'_>, document: &mut Document) {
    document.part(wording.say("登记依据", "Register")).text(wording.say(
        "上述密钥和规则由下列事件登记，其密钥可追溯至交换文件所载的联席会议办公室密钥。",
        "The keys and rulebooks above were registered by these events, whose keys go back to the authority's in the exchange file.",
    ));
    for traced in &wording.explanation.register {
        let section = document.item(heading(wording, traced));
        let said = traced.parsed.as_deref().map(|event| describe::describe(event, wording.language));
        section
            .fact_some(wording.say("时间", "time"), traced.time.map(local_time))
            .fact_some(wording.say("内容", "says"), said.filter(|said| !said.is_empty()));
        if let Some(cause) = &traced.without_effect {
            let reason = cause.message(wording.language);
            section
                .fact(wording.say("效果", "effect"), wording.say(format!("无：{reason}"), format!("none: {reason}")));
        }
        section
            .fact("SHA-256", traced.sha256)
            .fact_some(wording.say("密钥", "key"), wording.key(traced))
            .fact(wording.say("验证", "verified"), wording.verification(traced))
            .fact_some(wording.say("哈希树", "tree"), wording.inclusion(traced));
    }
}
