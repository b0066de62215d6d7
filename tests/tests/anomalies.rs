//! Anomalies explained and done again, duplicates linked, the same done to many cases at once.

#![allow(clippy::unwrap_used)]

use fengsui_event::payload::CaseClosed;
use fengsui_event::{ChainLink, ClosingGround, Draft, Payload, Source, Subject, Timestamp};
use fengsui_log::{Embedded, EventLog as _, Record};
use fengsui_node::desk::{IdSource as _, RandomIds};
use fengsui_node::keys::SigningKey;
use fengsui_tests::{Folder, Ran};
use serde_json::Value;

const UNIT: &str = "91350602MA0000015U";

fn report(folder: &Folder, unit: &str, category: &str) -> String {
    let line = format!(
        "violation report --unit {unit} --name 瑞和宾馆 --region 350602 --address 1号 --trade H61 --category {category} --facts 疏散通道堵塞"
    );
    folder.desk("tourism", line.split(' ')).ok().cell("case")
}

fn desk(folder: &Folder, agency: &str, line: &str) -> Ran {
    folder.desk(agency, line.split(' '))
}

/// Takes a case to where its feedback is confirmed.
fn handled(folder: &Folder, case: &str, outcome: &str) {
    desk(folder, "fire", &format!("referral acknowledge {case}")).ok();
    desk(folder, "fire", &format!("feedback submit {case} --outcome {outcome} --summary 已办")).ok();
    desk(folder, "tourism", &format!("feedback confirm {case}")).ok();
}

fn head(folder: &Folder) -> u64 {
    folder.run(["log", "head", "--json"]).ok().json()["position"].as_u64().unwrap()
}

/// Puts an event of the fire brigade's node 9 on the log behind the desk's back.
fn put_closing(folder: &Folder, case: &str, link: ChainLink, spoil: bool) -> (Record, ChainLink) {
    let key = SigningKey::load(&folder.data("keys/fire.seed")).unwrap();
    let time = Timestamp::now();
    let closing = CaseClosed {
        ground: ClosingGround::Rectified,
        closed_on: fengsui_event::date::day_of(time),
        duplicate_of: None,
        note: None,
    };
    let draft = Draft {
        id: RandomIds.next(time),
        source: Source { region: "350600".parse().unwrap(), agency: "fire".parse().unwrap(), node: 9 },
        subject: Subject::Unit(UNIT.parse().unwrap()),
        time,
        correlation: Some(case.parse().unwrap()),
        causation: None,
        payload: Payload::CaseClosed(closing),
    };
    let signed = draft.sign(link, &key).unwrap();
    let mut signature = signed.signature.to_vec();
    signature[0] ^= u8::from(spoil);
    let record = Record { id: draft.id, subject: draft.stream_subject(), bytes: signed.bytes, signature };
    let mut log = Embedded::open_writer(folder.data("log.sqlite")).unwrap();
    log.append(std::slice::from_ref(&record)).unwrap();
    let next = ChainLink::after(link.sequence, &record.bytes);
    (record, next)
}

fn rows(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["type"] == "row").collect()
}

#[test]
fn what_came_too_early_is_explained_and_done_again_once() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let case = report(&folder, UNIT, "fire.60-3");
    let (record, next) = put_closing(&folder, &case, ChainLink::FIRST, false);
    let position = head(&folder);
    folder.run(["anomaly", "explain", "1"]).ok().shows(&[
        "code\tnot_closable",
        "stood then\topen",
        "What closing needs",
        "command\tfengsui anomaly retry 1",
    ]);
    folder.run(["--lang", "zh", "anomaly", "explain", "1"]).ok().shows(&["当时还不具备销案的条件", "当时状态", "主办"]);
    let told = folder.run(["--json", "anomaly", "explain", "--position", &position.to_string()]).ok().json();
    assert_eq!(told["event"]["text"].as_str().unwrap().as_bytes(), record.bytes);
    assert_eq!(
        (&told["stood_then"]["status"], &told["explained"][0]["anomaly"]["number"]),
        (&"open".into(), &1.into())
    );
    folder.run(["anomaly", "explain", "--position", "1"]).exits(1).says(&["nothing was wrong at position 1"]);
    folder.run(["anomaly", "explain", "7"]).exits(1).says(&["there is no anomaly 7"]);

    // Nothing has changed: it would be refused again, which a preview says.
    let retry = |more: &[&str]| folder.run([&["--json", "anomaly", "retry"], more].concat());
    let preview = retry(&["1"]).ok().json_lines();
    assert_eq!((&preview[0]["result"], &preview[0]["code"]), (&"refused".into(), &"not_closable".into()));
    retry(&["1", "--yes"]).exits(3);
    assert_eq!(head(&folder), position);

    handled(&folder, &case, "rectification_ordered");
    desk(
        &folder,
        "fire",
        &format!("rectification order {case} --plan 清理 --person 经理 --funds 0 --emergency-plan 值守"),
    )
    .ok();
    desk(&folder, "fire", &format!("rectification reinspect {case} --passed --findings 畅通")).ok();
    let told = folder.run(["--json", "anomaly", "explain", "1"]).ok().json();
    assert_eq!(told["stood_then"]["rectified_on"], Value::Null);
    assert!(told["stands_now"]["rectified_on"].is_string(), "{told}");
    let before = head(&folder);
    let preview = retry(&["--code", "not_closable"]).ok().json_lines();
    assert_eq!((&preview[0]["result"], &preview[0]["item"]), (&"would_do".into(), &"1".into()));
    assert_eq!(head(&folder), before, "a preview writes nothing");
    let other = folder.run(["--json", "--agency", "tourism", "anomaly", "retry", "1", "--yes"]).exits(3).json_lines();
    assert_eq!(other[0]["code"], "no_key");
    let done = retry(&["1", "1", "--yes"]).ok().json_lines();
    assert_eq!((rows(&done).len(), &done[0]["result"]), (1, &"done".into()));
    assert_eq!(folder.run(["--json", "case", "list"]).ok().json()["cases"][0]["status"], "closed");
    let shown = folder.run(["--json", "log", "show", &head(&folder).to_string()]).ok().json();
    assert_eq!(shown["event"]["causation"], record.id.to_string(), "{shown}");
    let again = retry(&["1", "--yes"]).ok().json_lines();
    assert_eq!((&again[0]["result"], head(&folder)), (&"already".into(), before + 1));
    let rest = retry(&["--code", "not_closable"]).ok().json_lines();
    assert_eq!((rest.len(), &rest[0]["found"]), (1, &0.into()), "what is done uses up no limit");

    // What nobody can be held to is done again by nobody.
    put_closing(&folder, &case, next, true);
    let forged = retry(&["--code", "bad_signature", "--yes"]).exits(3).json_lines();
    assert_eq!(forged[0]["code"], "not_retried");
    folder.run(["anomaly", "explain", "2"]).ok().shows(&["fengsui audit verify"]);
    retry(&["--code", "no_order"]).ok();
    folder.run(["anomaly", "retry"]).exits(2);
}

#[test]
fn a_duplicate_is_linked_and_its_points_fall_once() {
    let folder = Folder::exchange(&["fire", "tourism", "urban"]);
    let balance = || folder.run(["--json", "unit", "show", UNIT]).ok().json()["unit"]["balance"].as_i64().unwrap();
    let lines = || folder.run(["unit", "ledger", UNIT]).ok().stdout.lines().count();
    let first = report(&folder, UNIT, "fire.60-3");
    handled(&folder, &first, "rectification_ordered");
    let (once, of_one) = (balance(), lines());
    assert!(once < 100);
    let second = report(&folder, UNIT, "fire.60-3");
    handled(&folder, &second, "rectification_ordered");
    assert!(balance() < once);
    let of_both = lines();
    let other = report(&folder, "91110000600037341L", "fire.60-3");

    let link = |agency: &str, one: &str, of: &str| {
        desk(&folder, agency, &format!("--json case link {one} --duplicate-of {of} --reason 重复录入"))
    };
    let refused = |ran: Ran| ran.json_error()["code"].as_str().unwrap().to_owned();
    assert_eq!(refused(link("fire", &second, &second).exits(1)), "same_case");
    assert_eq!(refused(link("fire", &second, &other).exits(1)), "other_unit");
    assert_eq!(refused(link("urban", &second, &first).exits(7)), "wrong_actor");
    let linked = link("tourism", &second, &first).ok().json();
    let closing = &linked["state"]["closing"];
    assert_eq!((&closing["ground"], &closing["note"]), (&"duplicate".into(), &"重复录入".into()));
    assert_eq!(closing["duplicate_of"], first.as_str());
    assert_eq!(balance(), once, "the points of both fell once");
    assert_eq!(
        lines() - of_both,
        of_both - of_one,
        "every entry of the duplicate stays, and its counter-entry stands beside it"
    );
    assert_eq!(refused(link("fire", &second, &first).exits(1)), "already_linked");
    assert_eq!(refused(link("fire", &first, &second).exits(1)), "is_duplicate");
    desk(&folder, "fire", &format!("case show {second}")).ok().shows(&["duplicate", &first]);
}

#[test]
fn many_cases_are_acknowledged_confirmed_and_closed_after_a_preview() {
    let folder = Folder::exchange(&["fire", "tourism"]);
    let mut cases: Vec<String> = (0..4).map(|_| report(&folder, UNIT, "fire.60-3")).collect();
    cases.push(report(&folder, UNIT, "fire.60-1"));
    let start = head(&folder);
    let all = |agency: &str, line: &str| desk(&folder, agency, &format!("--json {line}"));
    let summary = |ran: &Ran| ran.json_lines().last().unwrap().clone();
    let count = |ran: &Ran| {
        let summary = summary(ran);
        ["found", "would_do", "done", "refused"].map(|name| summary[name].as_u64().unwrap())
    };
    let preview = all("fire", "referral acknowledge --all").ok();
    assert_eq!(count(&preview), [5, 5, 0, 0]);
    assert_eq!(count(&all("fire", "referral acknowledge --all --category fire.60-1").ok()), [1, 1, 0, 0]);
    assert_eq!(count(&all("fire", "referral acknowledge --all --reporter fire").ok()), [0; 4]);
    assert_eq!(count(&all("fire", "referral acknowledge --all --found-before 2026-01-01").ok()), [0; 4]);
    assert_eq!(count(&all("fire", "referral acknowledge --all --overdue").ok()), [0; 4]);
    assert_eq!(head(&folder), start, "previews write nothing");
    assert_eq!(count(&all("fire", "referral acknowledge --all --limit 2 --yes").ok()), [5, 0, 2, 0]);
    desk(&folder, "fire", "referral acknowledge --all --limit 1").ok().says(&["3 fit; 2 are beyond the limit"]);

    // A list in which some are good: those are done, the others are told with their reason and can be fed in again.
    folder.write(
        "list.txt",
        format!("{}\nnonsense\n{}\n", cases.join("  # a word\n"), fengsui_event::CaseId::from_bytes([1; 16])),
    );
    let some = all("fire", "referral acknowledge --from list.txt --yes --refused refused.txt").exits(3);
    assert_eq!(count(&some), [7, 0, 3, 4]);
    assert_eq!(head(&folder), start + 5);
    let refused = folder.read("refused.txt");
    assert_eq!(refused.lines().count(), 4, "{refused}");
    assert!(refused.contains("nonsense\t# "), "{refused}");
    let again = all("fire", "referral acknowledge --from refused.txt --yes").exits(3);
    assert_eq!(count(&again), [4, 0, 0, 4]);
    desk(&folder, "fire", "referral acknowledge --all").ok().shows(&["nothing fits"]);

    for case in &cases {
        desk(&folder, "fire", &format!("feedback submit {case} --outcome no_violation --summary 未发现")).ok();
    }
    assert_eq!(count(&all("fire", "feedback confirm --all").ok()), [0; 4], "it is for the reporter");
    assert_eq!(count(&all("tourism", "feedback confirm --all --yes").ok()), [5, 0, 5, 0]);
    assert_eq!(count(&all("fire", "case close --all --ground rectified").ok()), [0; 4], "nothing was rectified");
    assert_eq!(count(&all("fire", "case close --all --ground no_violation").ok()), [5, 5, 0, 0]);
    assert_eq!(count(&all("fire", "case close --all --ground no_violation --yes").ok()), [5, 0, 5, 0]);
    let closed = folder.run(["--json", "case", "list", "--status", "closed"]).ok().json();
    assert_eq!(closed["cases"].as_array().unwrap().len(), 5);
    desk(&folder, "fire", "case close --all --ground duplicate").exits(2).says(&["case link"]);
    desk(&folder, "fire", "referral acknowledge").exits(2);
    desk(&folder, "fire", &format!("referral acknowledge {} --all", cases[0])).exits(2);
}
