//! Evidence between the sites of a city, through a real broker with the accounts that the authority writes.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use fengsui_event::payload::{Evidence, FeedbackSubmitted, Place};
use fengsui_event::{
    AgencyCode, CaseId, ChainLink, Digest, Draft, EventId, FindingMethod, Outcome, Payload, ReferralId, RegionCode,
    Source, Subject, Timestamp,
};
use fengsui_log::conformance::server::NatsServer;
use fengsui_log::jetstream::{Broker, BrokerOptions, Stream};
use fengsui_log::{Embedded, EventLog as _, Record};
use fengsui_node::Node;
use fengsui_node::broker_accounts::{Member, accounts, inbox_prefix};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::demo::{DemoOptions, run};
use fengsui_node::desk::{Addressed, Command, RandomIds, ReportCommand};
use fengsui_node::evidence::{
    CHUNK_BYTES, EvidenceConfig, EvidenceError, EvidenceSharing, Fetched, bucket_name, bucket_stream, fetch,
    ledger_file, may_see,
};
use fengsui_node::keys::SigningKey;
use fengsui_projector::state::ReferralStatus;
use tempfile::TempDir;

const AGENCIES: [&str; 4] = ["joint-office", "fire", "tourism", "urban"];
const HOTEL: &str = "91350602MA0000015U";
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 boxes before the exit";

fn region() -> RegionCode {
    "350600".parse().unwrap()
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn at(minute: u32) -> Timestamp {
    let start: Timestamp = "2026-11-25T02:00:00Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + i64::from(minute) * 60).unwrap()
}

/// How long an answer is waited for: longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same where no answer will come.
const IMPATIENCE: Duration = Duration::from_secs(2);

fn connect(server: &NatsServer, code: &str, site: &Site, ack_timeout: Duration) -> Broker {
    let seed = Some(site.key.seed().unwrap());
    let inbox_prefix = Some(inbox_prefix(agency(code)));
    let servers = vec![server.url()];
    Broker::connect(BrokerOptions { servers, seed, inbox_prefix, ack_timeout, ..BrokerOptions::default() }).unwrap()
}

/// One agency's site: its own folder of evidence and its own account at the broker.
struct Site {
    folder: TempDir,
    sharing: EvidenceSharing,
    own: BTreeSet<AgencyCode>,
    key: ConnectionKey,
}

/// The city: one log, which every site has its copy of, and one broker.
struct City {
    place: TempDir,
    node: Node,
    server: NatsServer,
    sites: BTreeMap<&'static str, Site>,
    brokers: BTreeMap<&'static str, Broker>,
}

impl City {
    fn new() -> Self {
        let mut city = Self::without_buckets();
        assert_eq!(city.share("joint-office"), 0, "the authority makes the buckets");
        city
    }

    fn without_buckets() -> Self {
        let place = TempDir::new().unwrap();
        let options = DemoOptions { units: 1, violations: 0, seed: 1 };
        let (node, _) = run(place.path(), options, &mut |_| ControlFlow::Continue(())).unwrap();
        let site = |code| {
            let folder = TempDir::new().unwrap();
            let sharing = EvidenceSharing::open(folder.path(), EvidenceConfig::default()).unwrap();
            let site =
                Site { folder, sharing, own: BTreeSet::from([agency(code)]), key: ConnectionKey::generate().unwrap() };
            (code, site)
        };
        let sites: BTreeMap<_, _> = AGENCIES.into_iter().map(site).collect();
        let member =
            |(code, site): (&&str, &Site)| Member { agency: agency(code), node: 1, connection_key: site.key.public() };
        let members: Vec<Member> = sites.iter().map(member).collect();
        let server = NatsServer::start_with_config(&accounts(region(), agency("joint-office"), &members));
        let connect = |(code, site): (&&'static str, &Site)| (*code, connect(&server, code, site, PATIENCE));
        let brokers: BTreeMap<_, _> = sites.iter().map(connect).collect();
        Stream::create(&brokers["joint-office"], region(), 1).unwrap();
        Self { place, node, server, sites, brokers }
    }

    fn submit(&mut self, code: &str, command: Command) -> CaseId {
        let receipt = self.node.submit(agency(code), command, &mut RandomIds, at(1)).unwrap();
        receipt.events.iter().find_map(|event| event.correlation).unwrap()
    }

    /// A report of the hotel, which the rulebook sends to the fire brigade.
    fn report(&mut self, code: &str, named: &[Digest]) -> CaseId {
        let evidence =
            named.iter().map(|sha256| Evidence { sha256: *sha256, media_type: "image/jpeg".to_owned(), title: None });
        let report = ReportCommand {
            unit: HOTEL.parse().unwrap(),
            unit_name: Some("瑞和宾馆".to_owned()),
            place: Place { region: "350602".parse().unwrap(), address: "新华西路1号".to_owned() },
            trade: Some("H61".parse().unwrap()),
            category: "fire.60-3".parse().unwrap(),
            severity: None,
            facts: "疏散通道堆放杂物".to_owned(),
            legal_basis: Vec::new(),
            found_on: "2026-11-24".parse().unwrap(),
            method: FindingMethod::Inspection,
            evidence: evidence.collect(),
            reference: None,
            public_report: None,
            historical: false,
        };
        self.submit(code, Command::Report(Box::new(report)))
    }

    fn keep(&self, code: &str, content: &[u8]) -> Digest {
        let site = &self.sites[code];
        let file = site.folder.path().join("DSCF0001.JPG");
        std::fs::write(&file, content).unwrap();
        let kept = site.sharing.store().keep_file(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        kept.sha256
    }

    /// What a site's node does between two events; how many uploads were made.
    fn share(&mut self, code: &str) -> usize {
        let report = self.share_report(code);
        assert_eq!(report.waits, None);
        report.shared
    }

    fn share_report(&mut self, code: &str) -> fengsui_node::evidence::ShareReport {
        let Self { node, sites, brokers, .. } = self;
        let Site { sharing, own, .. } = sites.get_mut(code).unwrap();
        sharing.share(node.view(), node.log(), &brokers[code], node.registry(), own, at(2)).unwrap()
    }

    fn collect(&mut self, code: &str, minute: u32) -> fengsui_node::evidence::CollectReport {
        let Self { node, sites, brokers, .. } = self;
        let Site { sharing, own, .. } = sites.get_mut(code).unwrap();
        let store = sharing.store().clone();
        sharing.ledger_mut().follow(node.view(), node.log(), &store, node.registry(), own).unwrap();
        sharing.collect(node.view(), &brokers[code], node.registry(), own, at(minute)).unwrap()
    }

    fn holds(&self, code: &str, sha256: Digest) -> bool {
        self.sites[code].sharing.store().holds(sha256)
    }

    /// Messages in the bucket of an agency: chunks, and one about each object.
    fn messages(&self, code: &str) -> u64 {
        let broker = &self.brokers["joint-office"];
        let name = bucket_stream(&bucket_name(region(), agency(code)));
        let stream = broker.runtime().block_on(broker.context().get_stream(name)).unwrap();
        stream.cached_info().state.messages
    }

    /// Puts an object into a bucket under a name, as any member can.
    fn put_false(&self, by: &str, into: &str, name: Digest, upload: &str, content: &'static [u8], about: &str) {
        use base64::Engine as _;
        let bucket = bucket_name(region(), agency(into));
        let name = base64::engine::general_purpose::URL_SAFE.encode(name.to_string());
        let context = self.brokers[by].context();
        self.brokers[by].runtime().block_on(async {
            context.publish(format!("$O.{bucket}.C.{upload}"), content.into()).await.unwrap().await.unwrap();
            let about = about.to_owned().into_bytes().into();
            context.publish(format!("$O.{bucket}.M.{name}"), about).await.unwrap().await.unwrap();
        });
    }
}

fn about(name: Digest, upload: &str, size: usize) -> String {
    serde_json::json!({"name": name.to_string(), "bucket": "any", "nuid": upload, "size": size, "chunks": 1, "mtime": null})
        .to_string()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn evidence_comes_to_those_who_may_see_the_case_and_to_nobody_else() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    let case = city.report("tourism", &[sha256]);
    let state = city.node.view().case(case).unwrap().unwrap();
    let seen_by = BTreeSet::from(["fire", "joint-office", "tourism"].map(agency));
    assert_eq!(may_see(&state, agency("joint-office")), seen_by);
    assert_eq!(city.share("tourism"), 2);
    assert_eq!(city.collect("fire", 2).fetched, [sha256]);
    assert_eq!(city.collect("joint-office", 2).fetched, [sha256]);
    assert_eq!(city.sites["fire"].sharing.store().read(sha256).unwrap().unwrap(), PHOTO);
    assert_eq!(city.share("fire"), 0, "who did not name it does not hand it on");
    let urban = city.collect("urban", 2);
    assert_eq!((urban.fetched.len(), urban.absent, city.holds("urban", sha256)), (0, 0, false));
    // The broker itself keeps others out of a bucket.
    let urban = &city.sites["urban"];
    let broker = connect(&city.server, "urban", urban, IMPATIENCE);
    let error = fetch(urban.sharing.store(), &broker, region(), agency("fire"), sha256);
    assert!(matches!(error, Err(EvidenceError::Broker { .. })), "{error:?}");
}

#[test]
fn a_new_addressee_gets_the_evidence_and_a_withdrawn_one_sees_no_more() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    let case = city.report("tourism", &[sha256]);
    assert_eq!(city.share("tourism"), 2);
    let of = Addressed { case, referral: None };
    city.submit("fire", Command::Transfer { of, to: agency("urban"), reason: "消防车通道".to_owned() });
    assert_eq!(city.share("tourism"), 1);
    assert_eq!(city.collect("urban", 2).fetched, [sha256]);
    let mut state = city.node.view().case(case).unwrap().unwrap();
    for referral in state.referrals.iter_mut().filter(|referral| referral.addressee == agency("urban")) {
        referral.status = ReferralStatus::Withdrawn;
    }
    assert!(!may_see(&state, agency("joint-office")).contains(&agency("urban")));
    assert!(may_see(&state, agency("joint-office")).contains(&agency("fire")), "it passed the case on, having seen it");
}

#[test]
fn feedback_brings_its_evidence_to_the_reporter_in_many_chunks() {
    let mut city = City::new();
    let case = city.report("tourism", &[]);
    let of = Addressed { case, referral: None };
    city.submit("fire", Command::Acknowledge(of));
    let film: Vec<u8> = b"\0\0\0\x18ftypmp42".iter().copied().chain((0..=255).cycle().take(5 * CHUNK_BYTES)).collect();
    let sha256 = city.keep("fire", &film);
    let evidence = vec![Evidence { sha256, media_type: "video/mp4".to_owned(), title: None }];
    city.submit(
        "fire",
        Command::SubmitFeedback {
            of,
            outcome: Outcome::RectifiedOnSite,
            handled_on: "2026-11-25".parse().unwrap(),
            summary: "当场清除".to_owned(),
            penalty: None,
            evidence,
        },
    );
    assert_eq!(city.share("fire"), 2);
    assert_eq!(city.messages("tourism"), 6 + 1, "six chunks and a word about them");
    assert_eq!(city.collect("tourism", 2).fetched, [sha256]);
    assert_eq!(city.sites["tourism"].sharing.store().read(sha256).unwrap().unwrap(), film);
}

#[test]
fn nothing_is_uploaded_twice_and_a_broker_that_is_away_only_delays_it() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    city.server.kill();
    until("the loss of the broker is noticed", || !city.brokers["tourism"].is_connected());
    let report = city.share_report("tourism");
    assert!(report.shared == 0 && report.waits.is_some(), "{report:?}");
    assert_eq!(city.sites["tourism"].sharing.ledger().counts().unwrap().to_share, 2);
    city.server.restart();
    until("the broker is back", || city.brokers.values().all(Broker::is_connected));
    until("it was shared", || {
        city.share_report("tourism");
        city.sites["tourism"].sharing.ledger().counts().unwrap().to_share == 0
    });
    let messages = city.messages("fire");
    assert_eq!(messages, 2);
    assert_eq!(city.share("tourism"), 0);
    // As if the process had been killed after the upload and before noting it.
    let ledger = rusqlite::Connection::open(ledger_file(city.sites["tourism"].folder.path())).unwrap();
    assert_eq!(ledger.execute("UPDATE shares SET shared_at = NULL", ()).unwrap(), 2);
    drop(ledger);
    assert_eq!(city.share("tourism"), 2);
    assert_eq!(city.messages("fire"), messages);
    // A broker that has lost its buckets gets all again.
    assert_eq!(city.sites.get_mut("tourism").unwrap().sharing.ledger_mut().share_again().unwrap(), 2);
    assert_eq!(city.share("tourism"), 2);
    assert_eq!(city.messages("fire"), 2 * messages);
}

#[test]
fn wrong_content_is_refused_told_and_hides_no_true_one() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    city.put_false("urban", "fire", sha256, "wrong", b"%PDF-1.7 another", &about(sha256, "wrong", 16));
    city.put_false("urban", "fire", sha256, "short", b"%PDF-1.7 another", &about(sha256, "short", 900));
    city.put_false("urban", "fire", sha256, "huge", b"%PDF", &about(sha256, "huge", 1 << 40));
    let link = serde_json::json!({"name": sha256.to_string(), "bucket": "any", "nuid": "link", "size": 4, "chunks": 1,
        "options": {"link": {"name": sha256.to_string(), "bucket": bucket_name(region(), agency("fire"))}}});
    city.put_false("urban", "fire", sha256, "link", b"%PDF", &link.to_string());
    city.put_false("urban", "fire", sha256, "none", b"%PDF", "not an object");
    let report = city.collect("fire", 2);
    assert_eq!((report.fetched.len(), report.absent, report.refused.len()), (0, 1, 5), "{report:?}");
    assert!(report.refused[0].1.contains(&Digest::of(b"%PDF-1.7 another").to_string()), "{report:?}");
    assert!(!city.holds("fire", sha256));
    assert_eq!(city.share("tourism"), 2);
    let report = city.collect("fire", 10);
    assert_eq!((report.fetched, report.refused), (vec![sha256], Vec::new()), "what is wrong is told once");
    assert_eq!(city.sites["fire"].sharing.ledger().refusals().unwrap().len(), 5);
}

/// Whether something was done to a bucket that must not be.
async fn attempt_on(context: &Context, bucket: &str, attempt: &str, roll_up: &async_nats::HeaderMap) -> bool {
    let stream = context.get_stream_no_info(bucket_stream(bucket)).await.unwrap();
    match attempt {
        "roll up" => {
            let subject = format!("$O.{bucket}.M.any");
            let sent = context.publish_with_headers(subject, roll_up.clone(), "x".into()).await.unwrap();
            sent.await.is_ok()
        }
        "purge" => stream.purge().await.is_ok(),
        "delete a message" => stream.delete_message(1).await.is_ok(),
        _ => context.delete_stream(bucket_stream(bucket)).await.is_ok(),
    }
}

/// What is in a bucket stays there: no other object takes its place, and nobody may empty it, not even its owner.
#[test]
fn nothing_in_a_bucket_is_replaced_or_removed() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    city.share("tourism");
    let before = city.messages("fire");
    let bucket = bucket_name(region(), agency("fire"));
    let roll_up = async_nats::HeaderMap::from_iter([(
        async_nats::header::NATS_ROLLUP,
        "sub".parse::<async_nats::HeaderValue>().unwrap(),
    )]);
    let impatient = ["urban", "fire", "joint-office"]
        .map(|code| (code, connect(&city.server, code, &city.sites[code], IMPATIENCE)));
    // Each refusal costs the time of waiting for an answer, so they are waited for together.
    std::thread::scope(|scope| {
        for (by, broker) in &impatient {
            for attempt in ["roll up", "purge", "delete a message", "delete the stream"] {
                let (bucket, roll_up) = (&bucket, &roll_up);
                scope.spawn(move || {
                    let done = broker.runtime().block_on(attempt_on(&broker.context(), bucket, attempt, roll_up));
                    assert!(!done, "{by} could {attempt}");
                });
            }
        }
    });
    assert_eq!(city.messages("fire"), before);
    assert_eq!(city.collect("fire", 2).fetched, [sha256]);
}

/// Every hash stands on the log for all to read. Naming it in a case of one's own must not bring the file.
#[test]
fn naming_a_hash_in_ones_own_case_does_not_bring_the_file() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    for code in ["tourism", "joint-office", "fire"] {
        city.share(code);
        city.collect(code, 2);
    }
    assert!(city.holds("fire", sha256));
    let own_case = city.report("urban", &[sha256]);
    let state = city.node.view().case(own_case).unwrap().unwrap();
    assert!(may_see(&state, agency("joint-office")).is_superset(&BTreeSet::from(["fire", "urban"].map(agency))));
    assert_eq!(["tourism", "joint-office", "fire"].map(|code| city.share(code)), [0, 0, 0]);
    assert_eq!(city.messages("urban"), 0);
    let report = city.collect("urban", 2);
    assert_eq!((report.fetched.len(), report.absent), (0, 0));
    let urban = city.sites["urban"].sharing.store();
    let fetched = fetch(urban, &city.brokers["urban"], region(), agency("urban"), sha256);
    assert_eq!(fetched.unwrap(), Fetched::Absent { wrong: Vec::new() });
}

/// A feedback that nobody may submit, signed with an unknown key, is on the log and names evidence.
#[test]
fn what_had_no_effect_names_nothing() {
    let mut city = City::new();
    let case = city.report("tourism", &[]);
    let forged = Digest::of(b"forged");
    let referral = city.node.view().case(case).unwrap().unwrap().referrals[0].id;
    let record = forged_feedback(case, referral, forged);
    let place = city.place.path().to_owned();
    city.node.close().unwrap();
    let mut log = Embedded::open_writer(place.join("log.sqlite")).unwrap();
    log.append(&[record]).unwrap();
    log.close().unwrap();
    city.node = Node::open(&place).unwrap();
    assert_eq!(city.node.view().anomaly_counts().unwrap().iter().map(|(_, _, count)| count).sum::<u64>(), 1);
    let report = city.collect("tourism", 2);
    assert_eq!((report.fetched.len(), report.absent), (0, 0));
    let ledger = city.sites["tourism"].sharing.ledger();
    assert_eq!(ledger.mentions(forged).unwrap(), []);
    assert_eq!(ledger.counts().unwrap().to_fetch, 0);
}

fn forged_feedback(case: CaseId, referral: ReferralId, sha256: Digest) -> Record {
    let key = SigningKey::from_seed_bytes([99; 32]).unwrap();
    let feedback = FeedbackSubmitted {
        referral,
        outcome: Outcome::NoViolation,
        handled_on: "2026-11-25".parse().unwrap(),
        summary: "查无实据".to_owned(),
        penalty: None,
        evidence: vec![Evidence { sha256, media_type: "image/jpeg".to_owned(), title: None }],
    };
    let draft = Draft {
        id: EventId::from_bytes([77; 16]),
        source: Source { region: region(), agency: agency("fire"), node: 1 },
        subject: Subject::Unit(HOTEL.parse().unwrap()),
        time: at(1),
        correlation: Some(case),
        causation: None,
        payload: Payload::FeedbackSubmitted(feedback),
    };
    let signed = draft.sign(ChainLink::FIRST, &key).unwrap();
    Record { id: draft.id, subject: draft.stream_subject(), bytes: signed.bytes, signature: signed.signature.to_vec() }
}

#[test]
fn evidence_that_another_node_of_the_agency_took_in_waits_for_it() {
    let mut city = City::new();
    let elsewhere = Digest::of(PHOTO);
    city.report("tourism", &[elsewhere]);
    let report = city.share_report("tourism");
    assert_eq!((report.shared, report.without_file, report.waits), (0, 2, None));
    assert_eq!(city.keep("tourism", PHOTO), elsewhere);
    assert_eq!(city.share("tourism"), 2);
    assert!(matches!(city.collect("fire", 2).fetched.as_slice(), [sha256] if *sha256 == elsewhere));
    let absent =
        fetch(city.sites["urban"].sharing.store(), &city.brokers["urban"], region(), agency("urban"), elsewhere);
    assert_eq!(absent.unwrap(), Fetched::Absent { wrong: Vec::new() });
}

#[test]
fn evidence_waits_for_a_bucket_that_is_not_there_yet() {
    let mut city = City::without_buckets();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    let report = city.share_report("tourism");
    assert_eq!(report.shared, 0);
    assert!(report.waits.as_ref().is_some_and(|reason| reason.contains("evidence-350600-")), "{report:?}");
    assert_eq!(city.share("joint-office"), 0);
    assert_eq!(city.share("tourism"), 2);
    assert_eq!(city.collect("fire", 2).fetched, [sha256]);
}

/// An agency with two nodes: what one took in comes to the other through the agency's own bucket, where that is wanted.
#[test]
fn nodes_of_one_agency_share_through_its_own_bucket_when_told_to() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    let (own, broker) = (BTreeSet::from([agency("tourism")]), &city.brokers["tourism"]);
    let (view, log, registry) = (city.node.view(), city.node.log(), city.node.registry());
    let config = EvidenceConfig { share_with_own: true, ..EvidenceConfig::default() };
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [mut first, mut second] = [(0, 1), (1, 2)].map(|(folder, number): (usize, u16)| {
        EvidenceSharing::open(folders[folder].path(), config.clone()).unwrap().of_node(number)
    });
    first.store().keep_fetched(sha256, PHOTO).unwrap();
    let shared = first.share(view, log, broker, registry, &own, at(2)).unwrap().shared;
    assert_eq!(shared, 3, "the lead, the authority, and the agency's own bucket");
    assert_eq!(second.share(view, log, broker, registry, &own, at(2)).unwrap().shared, 0);
    assert_eq!(second.collect(view, broker, registry, &own, at(2)).unwrap().fetched, [sha256]);
    // It has the file now, and still does not send it once more.
    assert_eq!(second.share(view, log, broker, registry, &own, at(3)).unwrap().shared, 0);
    assert_eq!(city.messages("fire"), 2);
}

#[test]
fn another_log_is_noticed_and_read_from_its_beginning() {
    let mut city = City::new();
    let sha256 = city.keep("tourism", PHOTO);
    city.report("tourism", &[sha256]);
    city.share("tourism");
    let place = TempDir::new().unwrap();
    let options = DemoOptions { units: 1, violations: 0, seed: 2 };
    let (other, _) = run(Path::new(place.path()), options, &mut |_| ControlFlow::Continue(())).unwrap();
    let Site { sharing, own, .. } = city.sites.get_mut("tourism").unwrap();
    let store = sharing.store().clone();
    let read = sharing.ledger_mut().follow(other.view(), other.log(), &store, other.registry(), own).unwrap();
    assert_eq!(read, other.progress().position);
    let read =
        sharing.ledger_mut().follow(city.node.view(), city.node.log(), &store, city.node.registry(), own).unwrap();
    assert_eq!(read, city.node.progress().position);
    assert_eq!(sharing.ledger().mentions(sha256).unwrap().len(), 1);
    assert_eq!(sharing.ledger().counts().unwrap().to_share, 0, "what was shared stays shared");
}
