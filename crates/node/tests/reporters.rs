//! The store of protected reporters: who can open, what is recorded of it, and that nothing else holds an identity.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use fengsui_event::{AgencyCode, CaseId, EventId, Timestamp};
use fengsui_node::reporters::{
    OfficerIdentity, OpeningOutcome, OpeningPurpose, PublicReference, Reporter, ReporterError, ReporterStore,
    ReportersConfig, store_file,
};
use tempfile::TempDir;

const IDENTITY: &str = r#"{"name": "欧阳建国", "phone": "13905961234"}"#;

struct Scene {
    folder: TempDir,
    store: ReporterStore,
    li: OfficerIdentity,
}

fn fire() -> AgencyCode {
    "fire".parse().unwrap()
}

fn at(minute: u8) -> Timestamp {
    format!("2026-05-01T08:{minute:02}:00Z").parse().unwrap()
}

fn reporter() -> Reporter {
    Reporter::from_json(IDENTITY.as_bytes()).unwrap()
}

fn name_of(reporter: &Reporter) -> String {
    reporter.fields().next().unwrap().1.to_owned()
}

impl Scene {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut store = ReporterStore::open_or_create(folder.path()).unwrap();
        let li = OfficerIdentity::generate().unwrap();
        store.add_officer(fire(), "li", li.public(), at(0)).unwrap();
        Self { folder, store, li }
    }

    fn receive(&mut self) -> PublicReference {
        self.store.receive(fire(), Some(&reporter()), &ReportersConfig::default(), at(1)).unwrap()
    }

    fn add(&mut self, agency: &str, name: &str) -> OfficerIdentity {
        let identity = OfficerIdentity::generate().unwrap();
        self.store.add_officer(agency.parse().unwrap(), name, identity.public(), at(2)).unwrap();
        identity
    }

    /// Every byte of the store's files.
    fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.flatten().collect()
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[track_caller]
fn refused<T>(result: Result<T, ReporterError>) -> ReporterError {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}

#[test]
fn an_officer_opens_a_report_and_that_is_recorded_first() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let opened = scene.store.open(reference, &scene.li, "回访核实", at(5)).unwrap();
    assert_eq!(name_of(&opened), "欧阳建国");
    let openings = scene.store.openings(None).unwrap();
    assert_eq!(openings.len(), 1);
    let opening = &openings[0];
    assert_eq!((opening.number, opening.at, opening.reference), (1, at(5), reference));
    assert_eq!((opening.officer.as_deref(), opening.reason.as_str()), (Some("li"), "回访核实"));
    assert_eq!((opening.purpose, opening.outcome), (OpeningPurpose::Show, OpeningOutcome::Opened));
    assert!(matches!(refused(scene.store.open(reference, &scene.li, " ", at(6))), ReporterError::NoReason));
}

#[test]
fn openings_cannot_be_rewritten_or_removed() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    scene.store.open(reference, &scene.li, "回访核实", at(5)).unwrap();
    let path = store_file(scene.folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    for sql in ["UPDATE openings SET officer = 'wang'", "DELETE FROM openings"] {
        let error = connection.execute(sql, ()).unwrap_err().to_string();
        assert!(error.contains("an opening is never"), "{error}");
    }
    assert_eq!(scene.store.openings(Some(reference)).unwrap().len(), 1);
}

/// If the opening cannot be recorded, the identity is not shown.
#[test]
fn what_cannot_be_recorded_is_not_opened() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let connection = rusqlite::Connection::open(store_file(scene.folder.path())).unwrap();
    let trigger = "CREATE TRIGGER full BEFORE INSERT ON openings BEGIN SELECT raise(ABORT, 'no room'); END;";
    connection.execute_batch(trigger).unwrap();
    let error = refused(scene.store.open(reference, &scene.li, "回访核实", at(5)));
    assert!(matches!(error, ReporterError::Storage(_)), "{error:?}");
}

#[test]
fn others_are_refused_and_their_attempts_are_recorded() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let stranger = OfficerIdentity::generate().unwrap();
    let of_housing = scene.add("housing", "chen");
    let later = scene.add("fire", "wang");
    for (identity, officer) in [(&stranger, None), (&of_housing, None), (&later, Some("wang"))] {
        let error = refused(scene.store.open(reference, identity, "好奇", at(7)));
        assert!(error.is_not_allowed(), "{error}");
        let last = scene.store.openings(None).unwrap().pop().unwrap();
        assert_eq!((last.outcome, last.officer.as_deref()), (OpeningOutcome::Refused, officer));
        assert_eq!(last.key, identity.public().as_str());
    }
    assert_eq!(scene.store.openings(Some(reference)).unwrap().len(), 3);
}

#[test]
fn a_new_officer_can_open_older_reports_only_after_another_has_sealed_them_to_him() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let wang = scene.add("fire", "wang");
    assert!(refused(scene.store.reseal(fire(), &wang, "增设", at(8))).is_not_allowed());
    assert_eq!(scene.store.reseal(fire(), &scene.li, "增设", at(9)).unwrap(), 1);
    assert_eq!(scene.store.reseal(fire(), &scene.li, "增设", at(9)).unwrap(), 0, "once is enough");
    assert_eq!(name_of(&scene.store.open(reference, &wang, "回访", at(10)).unwrap()), "欧阳建国");
    let purposes: Vec<_> = scene.store.openings(None).unwrap().iter().map(|it| (it.purpose, it.outcome)).collect();
    let expected = [
        (OpeningPurpose::Reseal, OpeningOutcome::Refused),
        (OpeningPurpose::Reseal, OpeningOutcome::Opened),
        (OpeningPurpose::Show, OpeningOutcome::Opened),
    ];
    assert_eq!(purposes, expected);
}

#[test]
fn a_removed_officer_opens_nothing_and_the_only_one_is_not_removed() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let error = refused(scene.store.remove_officer(fire(), "li", at(11)));
    assert!(matches!(error, ReporterError::OnlyOfficer { reports: 1, .. }), "{error:?}");
    let wang = scene.add("fire", "wang");
    scene.store.reseal(fire(), &scene.li, "交接", at(12)).unwrap();
    assert_eq!(scene.store.remove_officer(fire(), "li", at(13)).unwrap().boxes, 1);
    assert!(refused(scene.store.open(reference, &scene.li, "回访", at(14))).is_not_allowed());
    assert_eq!(name_of(&scene.store.open(reference, &wang, "回访", at(15)).unwrap()), "欧阳建国");
    let officers = scene.store.officers(fire()).unwrap();
    let listed: Vec<_> = officers.iter().map(|it| (it.name.as_str(), it.removed_at)).collect();
    assert_eq!(listed, [("li", Some(at(13))), ("wang", None)]);
    let error = refused(scene.store.add_officer(fire(), "li", scene.li.public(), at(16)));
    assert!(matches!(error, ReporterError::KeyInUse { .. }), "{error:?}");
    assert!(matches!(refused(scene.store.remove_officer(fire(), "li", at(17))), ReporterError::UnknownOfficer { .. }));
}

#[test]
fn an_identity_is_taken_in_only_when_somebody_can_open_it() {
    let mut scene = Scene::new();
    let housing = "housing".parse().unwrap();
    let config = ReportersConfig::default();
    let error = refused(scene.store.receive(housing, Some(&reporter()), &config, at(1)));
    assert!(matches!(error, ReporterError::TooFewOfficers { found: 0, needed: 1, .. }), "{error:?}");
    let two = ReportersConfig { officers_min: 2 };
    let error = refused(scene.store.receive(fire(), Some(&reporter()), &two, at(1)));
    assert!(matches!(error, ReporterError::TooFewOfficers { found: 1, needed: 2, .. }), "{error:?}");
    let anonymous = scene.store.receive(housing, None, &config, at(1)).unwrap();
    assert_eq!(scene.store.report(anonymous).unwrap().unwrap().officers, 0);
    let chen = scene.add("housing", "chen");
    let error = refused(scene.store.open(anonymous, &chen, "回访", at(2)));
    assert!(matches!(error, ReporterError::Anonymous { .. }), "{error:?}");
}

#[test]
fn a_report_that_the_desk_refused_leaves_nothing() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    scene.store.withdraw(reference).unwrap();
    assert_eq!(scene.store.report(reference).unwrap(), None);
    let kept = scene.receive();
    let case = CaseId::of(EventId::from_bytes([7; 16]));
    scene.store.note_case(kept, case).unwrap();
    assert_eq!(scene.store.reports(Some(fire())).unwrap()[0].case, Some(case));
    let unknown = PublicReference::from_bytes([9; 16]);
    assert!(matches!(
        refused(scene.store.open(unknown, &scene.li, "回访", at(1))),
        ReporterError::UnknownReference { .. }
    ));
}

#[test]
fn a_reason_that_names_the_reporter_is_not_written_down() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    let error = refused(scene.store.open(reference, &scene.li, "给欧阳建国回电", at(3)));
    assert!(matches!(error, ReporterError::GivenAway { field: "name", .. }), "{error:?}");
    let opening = scene.store.openings(None).unwrap().pop().unwrap();
    assert_eq!(opening.outcome, OpeningOutcome::Refused);
    assert!(!opening.reason.contains("欧阳"), "{}", opening.reason);
    assert!(!holds(&scene.bytes(), "欧阳"));
}

#[test]
fn the_files_hold_no_identity_and_are_closed_to_others() {
    let mut scene = Scene::new();
    let reference = scene.receive();
    scene.store.open(reference, &scene.li, "回访核实", at(5)).unwrap();
    let bytes = scene.bytes();
    assert!(holds(&bytes, "回访核实"), "the search must be able to find something");
    for text in ["欧阳", "建国", "1390596", "欧阳建国"] {
        assert!(!holds(&bytes, text), "{text}");
    }
    #[cfg(unix)]
    for entry in fs::read_dir(scene.folder.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry.unwrap();
        let is_store = Path::new(&entry.file_name()).to_string_lossy().ends_with("sqlite");
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert!(!is_store || mode == 0o600, "{:?} {mode:o}", entry.file_name());
    }
}

#[test]
fn the_configuration_is_read_and_unknown_words_are_refused() {
    assert_eq!(toml::from_str::<ReportersConfig>("").unwrap(), ReportersConfig::default());
    assert_eq!(toml::from_str::<ReportersConfig>("officers_min = 2").unwrap().officers_min, 2);
    assert!(toml::from_str::<ReportersConfig>("officer_min = 2").is_err());
}
