//! Accounts: opened, completed, renamed, adjusted.

use fengsui_event::payload::{CreditAdjusted, Place, UnitRegistered, UnitRenamed};
use fengsui_event::{Payload, Points, Subject};
use fengsui_projector::fold::{Bound, Missing, Rejection};

use crate::harness::payloads::{Report, adjusted, unit_registered};
use crate::harness::{Publication, Scene, agency, date, hotel, region, school};

fn about(subject: Subject, payload: impl Into<Payload>) -> Publication {
    Publication { subject, correlation: None, causation: None, payload: payload.into() }
}

fn about_hotel(payload: impl Into<Payload>) -> Publication {
    about(Subject::Unit(hotel()), payload)
}

#[test]
fn registration_opens_the_account_with_a_hundred_points() {
    let mut scene = Scene::new();
    scene.effective("tourism", about_hotel(unit_registered(&hotel())));
    assert_eq!(scene.ledger(), [("opening", 100, "opening".to_owned())]);
    assert!(scene.account().registered);
    let entry = scene.last_entry();
    assert_eq!((entry.effective_on, entry.counted_until), (date("2025-01-02"), None));
}

#[test]
fn registration_speaks_of_its_subject_and_has_a_name() {
    let mut scene = Scene::new();
    for subject in [Subject::Unit(school()), Subject::Region(region("350600"))] {
        let rejection = scene.refuses("tourism", about(subject, unit_registered(&hotel())));
        assert!(matches!(rejection, Rejection::Incoherent { .. }), "{rejection:?}");
    }
    let nameless = UnitRegistered { name: String::new(), ..unit_registered(&hotel()) };
    assert_eq!(scene.refuses("tourism", about_hotel(nameless)), Rejection::Empty { field: "name".to_owned() });
}

/// Two agencies register the same unit at the same time: the same facts are welcome, others are not.
#[test]
fn a_second_registration_is_welcome_when_it_says_the_same() {
    let mut scene = Scene::new();
    scene.effective("tourism", about_hotel(unit_registered(&hotel())));
    scene.effective("fire", about_hotel(unit_registered(&hotel())));
    let other = UnitRegistered { name: "另一家".to_owned(), ..unit_registered(&hotel()) };
    assert!(matches!(scene.refuses("fire", about_hotel(other)), Rejection::Exists { .. }));
    let moved = UnitRegistered {
        place: Place { region: region("350603"), address: "x".to_owned() },
        ..unit_registered(&hotel())
    };
    assert!(matches!(scene.refuses("fire", about_hotel(moved)), Rejection::Exists { .. }));
    assert_eq!(scene.balance(), 100, "opened once");
}

#[test]
fn registration_after_a_report_completes_the_account() {
    let mut scene = Scene::new();
    scene.reports("fire", Report::equipment("2025-01-02"));
    let registration = UnitRegistered { name: "城关旅社有限公司".to_owned(), ..unit_registered(&hotel()) };
    scene.effective("tourism", about_hotel(registration));
    assert_eq!((scene.account().registered, scene.account().name.as_str()), (true, "城关旅社有限公司"));
    assert_eq!((scene.balance(), scene.account().cases), (100, 1));
}

#[test]
fn a_renamed_unit_keeps_its_account() {
    let mut scene = Scene::new();
    let rename = |name: &str| UnitRenamed { name: name.to_owned(), effective_on: date("2025-01-02") };
    let missing = Rejection::Missing(Missing::Unit(hotel()));
    assert_eq!(scene.refuses("commerce", about_hotel(rename("新"))), missing);
    scene.effective("tourism", about_hotel(unit_registered(&hotel())));
    let empty = Rejection::Empty { field: "name".to_owned() };
    assert_eq!(scene.refuses("commerce", about_hotel(rename(" "))), empty);
    scene.effective("commerce", about_hotel(rename("新城旅社")));
    assert_eq!((scene.account().name.as_str(), scene.balance()), ("新城旅社", 100));
}

#[test]
fn the_authority_adjusts_points_with_reason_basis_and_day() {
    let mut scene = Scene::new();
    let missing = Rejection::Missing(Missing::Unit(hotel()));
    assert_eq!(scene.refuses("joint-office", about_hotel(adjusted(3, "2025-01-02"))), missing);
    scene.effective("tourism", about_hotel(unit_registered(&hotel())));
    let rejection = scene.refuses("tourism", about_hotel(adjusted(3, "2025-01-02")));
    assert!(matches!(&rejection, Rejection::WrongActor { may, .. } if *may == [agency("joint-office")]));
    let reasonless = CreditAdjusted { reason: String::new(), ..adjusted(3, "2025-01-02") };
    let baseless = CreditAdjusted { legal_basis: String::new(), ..adjusted(3, "2025-01-02") };
    for (field, adjustment) in [("reason", reasonless), ("legal_basis", baseless)] {
        assert_eq!(
            scene.refuses("joint-office", about_hotel(adjustment)),
            Rejection::Empty { field: field.to_owned() }
        );
    }
    let tomorrow = scene.refuses("joint-office", about_hotel(adjusted(3, "2025-01-03")));
    assert!(matches!(tomorrow, Rejection::DateOrder { bound: Bound::NotAfterRecorded, .. }));
    scene.effective("joint-office", about_hotel(adjusted(3, "2025-01-01")));
    assert_eq!(scene.balance(), 103);
    assert_eq!(scene.last_entry().rule, "联席会议纪要〔2025〕1号");
}

/// Points stay within 32 bits; what would leave them is refused whole.
#[test]
fn points_never_leave_their_range() {
    let mut scene = Scene::new();
    scene.effective("tourism", about_hotel(unit_registered(&hotel())));
    scene.effective("joint-office", about_hotel(adjusted(i32::MAX - 100, "2025-01-02")));
    assert_eq!(scene.balance(), i32::MAX);
    let over = scene.refuses("joint-office", about_hotel(adjusted(1, "2025-01-02")));
    assert_eq!(over, Rejection::PointsOverflow);
    let adjustment = CreditAdjusted { points: Points(i32::MIN), ..adjusted(0, "2025-01-02") };
    scene.effective("joint-office", about_hotel(adjustment));
    scene.effective("joint-office", about_hotel(adjusted(i32::MIN + 1, "2025-01-02")));
    assert_eq!(scene.balance(), i32::MIN);
    assert_eq!(scene.refuses("joint-office", about_hotel(adjusted(-1, "2025-01-02"))), Rejection::PointsOverflow);
}
