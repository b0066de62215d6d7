//! Forwarding: who may issue, take, return, pass on, take back.

use fengsui_event::payload::{ReferralIssued, ReferralReturned};
use fengsui_event::{EventId, Outcome, ReferralBasis, ReferralId, ReferralRole};
use fengsui_projector::fold::{Missing, Rejection};
use fengsui_projector::state::ReferralStatus;

use crate::harness::payloads::{
    Report, acknowledged, assigned, by_rule, closed, confirmed, designated, feedback, issued, overlap, passed_on,
    reopened, retracted, returned, transferred, unresolved, withdrawn,
};
use crate::harness::{Scene, agency, payloads};

use ReferralRole::{Assisting, Deciding, Informed, Lead};

/// Tourism reported; nothing was referred yet.
fn reported(routing: fengsui_event::payload::RoutingAnswer) -> Scene {
    let mut scene = Scene::new();
    scene.on("2025-03-03");
    scene.reports("tourism", Report::equipment("2025-03-03").routed(routing));
    scene
}

/// Tourism reported and fire has it on its desk.
fn referred() -> (Scene, ReferralId) {
    let mut scene = reported(assigned("fire", &["urban"], &["culture"]));
    let lead = scene.refers("tourism", "fire", Lead);
    (scene, lead)
}

fn wrong_actor(rejection: &Rejection, may: &[&str]) -> bool {
    let expected: Vec<_> = may.iter().map(|code| agency(code)).collect();
    matches!(rejection, Rejection::WrongActor { may, .. } if *may == expected)
}

#[test]
fn only_the_reporter_refers_by_rule_and_only_as_routed() {
    let mut scene = reported(assigned("fire", &["urban"], &["culture"]));
    assert!(wrong_actor(&scene.refused("fire", by_rule("fire", Lead)), &["tourism"]));
    for (addressee, role) in
        [("housing", Lead), ("urban", Lead), ("fire", Assisting), ("urban", Informed), ("joint-office", Deciding)]
    {
        let rejection = scene.refused("tourism", by_rule(addressee, role));
        assert!(matches!(rejection, Rejection::Incoherent { .. }), "{addressee} as {role}: {rejection:?}");
    }
    scene.does("tourism", by_rule("fire", Lead));
    scene.does("tourism", by_rule("urban", Assisting));
    scene.does("tourism", by_rule("culture", Informed));
}

#[test]
fn an_agency_outside_the_exchange_is_no_addressee() {
    let mut scene = reported(assigned("police", &[], &[]));
    assert_eq!(
        scene.refused("tourism", by_rule("police", Lead)),
        Rejection::Missing(Missing::Agency(agency("police")))
    );
}

#[test]
fn a_suspended_agency_is_no_addressee() {
    let mut scene = reported(assigned("fire", &[], &[]));
    let suspension = fengsui_event::payload::AgencySuspended { agency: agency("fire"), reason: "撤并".to_owned() };
    scene.publishes("joint-office", fengsui_event::Subject::Agency(agency("fire")), suspension);
    assert_eq!(scene.refused("tourism", by_rule("fire", Lead)), Rejection::Missing(Missing::Agency(agency("fire"))));
}

#[test]
fn there_is_one_lead_and_each_agency_once_in_a_role() {
    let (mut scene, _) = referred();
    let stands = Rejection::LeadStands { lead: agency("fire") };
    assert_eq!(scene.refused("tourism", by_rule("fire", Lead)), stands);
    assert_eq!(scene.refused("joint-office", designated("housing", None)), stands);
    let assisting = scene.refers("tourism", "urban", Assisting);
    let expected = Rejection::AlreadyReferred { addressee: agency("urban"), referral: assisting };
    assert_eq!(scene.refused("tourism", by_rule("urban", Assisting)), expected);
}

#[test]
fn what_no_rule_decides_goes_to_the_authority_alone() {
    for routing in [unresolved(), overlap(&["quality", "commerce"])] {
        let mut scene = reported(routing);
        assert!(scene.state().awaits_designation());
        assert!(matches!(scene.refused("tourism", by_rule("fire", Lead)), Rejection::Incoherent { .. }));
        let ask = |addressee| issued(addressee, Deciding, ReferralBasis::Undecided);
        assert!(matches!(scene.refused("tourism", ask("fire")), Rejection::Incoherent { .. }));
        assert!(wrong_actor(&scene.refused("fire", ask("joint-office")), &["tourism"]));
        let asked = ReferralId::of(scene.does("tourism", ask("joint-office")));
        assert!(wrong_actor(&scene.refused("tourism", designated("fire", None)), &["joint-office"]));
        let odd = issued("joint-office", Deciding, ReferralBasis::Designation);
        assert!(matches!(scene.refused("joint-office", odd), Rejection::Incoherent { .. }));
        // Naming a lead is the answer; acknowledging or returning it is not.
        assert!(matches!(scene.refused("joint-office", acknowledged(asked)), Rejection::Incoherent { .. }));
        assert!(matches!(scene.refused("joint-office", returned(asked, "fire")), Rejection::Incoherent { .. }));
        scene.does("joint-office", designated("fire", None));
        assert_eq!(scene.referral(asked).status, ReferralStatus::Decided);
        assert_eq!(scene.state().lead().unwrap().addressee, agency("fire"));
    }
}

#[test]
fn a_clear_routing_needs_no_decision() {
    let mut scene = reported(assigned("fire", &[], &[]));
    let ask = issued("joint-office", Deciding, ReferralBasis::Undecided);
    assert!(matches!(scene.refused("tourism", ask), Rejection::Incoherent { .. }));
}

#[test]
fn a_historical_referral_is_for_the_reporter_as_lead_of_a_historical_case() {
    let historical = |addressee, role| issued(addressee, role, ReferralBasis::Historical);
    let mut scene = reported(assigned("tourism", &[], &[]));
    assert!(matches!(scene.refused("tourism", historical("tourism", Lead)), Rejection::Incoherent { .. }));
    let mut scene = reported(fengsui_event::payload::RoutingAnswer::Historical);
    assert!(matches!(scene.refused("tourism", historical("fire", Lead)), Rejection::Incoherent { .. }));
    assert!(matches!(scene.refused("tourism", historical("tourism", Assisting)), Rejection::Incoherent { .. }));
    assert!(wrong_actor(&scene.refused("fire", historical("fire", Lead)), &["tourism"]));
    scene.does("tourism", historical("tourism", Lead));
}

#[test]
fn only_the_addressee_acknowledges_and_once() {
    let (mut scene, lead) = referred();
    assert!(wrong_actor(&scene.refused("tourism", acknowledged(lead)), &["fire"]));
    assert!(wrong_actor(&scene.refused("joint-office", acknowledged(lead)), &["fire"]));
    scene.does("fire", acknowledged(lead));
    let expected = Rejection::ReferralState {
        referral: lead,
        status: ReferralStatus::Acknowledged,
        allowed: vec![ReferralStatus::Issued],
        holder: agency("fire"),
    };
    assert_eq!(scene.refused("fire", acknowledged(lead)), expected);
}

#[test]
fn an_unknown_referral_is_missing() {
    let (mut scene, _) = referred();
    let unknown = ReferralId::of(EventId::from_parts(1, [9; 10]));
    let missing = Rejection::Missing(Missing::Referral(unknown));
    assert_eq!(scene.refused("fire", acknowledged(unknown)), missing);
    assert_eq!(scene.refused("fire", returned(unknown, "housing")), missing);
    assert_eq!(scene.refused("fire", transferred(unknown, "housing")), missing);
    assert_eq!(scene.refused("tourism", withdrawn(unknown)), missing);
    assert_eq!(scene.refused("fire", feedback(unknown, Outcome::CaseFiled, "2025-03-03")), missing);
}

/// cases.md 21: every return says who, why, and who is responsible instead.
#[test]
fn a_return_needs_a_reason_and_another_agency() {
    let (mut scene, lead) = referred();
    assert!(wrong_actor(&scene.refused("urban", returned(lead, "housing")), &["fire"]));
    let without_reason = ReferralReturned { reason: "  ".to_owned(), ..returned(lead, "housing") };
    assert_eq!(scene.refused("fire", without_reason), Rejection::Empty { field: "reason".to_owned() });
    assert!(matches!(scene.refused("fire", returned(lead, "fire")), Rejection::Incoherent { .. }));
    let nobody = Rejection::Missing(Missing::Agency(agency("police")));
    assert_eq!(scene.refused("fire", returned(lead, "police")), nobody);
    scene.does("fire", returned(lead, "housing"));
    let kept = scene.referral(lead).returned.clone().unwrap();
    assert_eq!(
        (kept.by, kept.suggested, kept.reason.as_str()),
        (agency("fire"), agency("housing"), "不属于本部门职责")
    );
    assert!(matches!(scene.refused("fire", acknowledged(lead)), Rejection::ReferralState { .. }));
}

/// A returned, passed-on or withdrawn lead is answered by the authority, never by naming the same agency again.
#[test]
fn the_reporter_cannot_answer_a_return_by_itself() {
    let (mut scene, lead) = referred();
    scene.does("fire", returned(lead, "housing"));
    assert!(wrong_actor(&scene.refused("tourism", by_rule("fire", Lead)), &["joint-office"]));
    assert_eq!(scene.referral(lead).status, ReferralStatus::Returned);

    let (mut scene, lead) = referred();
    scene.does("joint-office", withdrawn(lead));
    assert!(wrong_actor(&scene.refused("tourism", by_rule("fire", Lead)), &["joint-office"]));

    let (mut scene, lead) = referred();
    scene.does("fire", transferred(lead, "housing"));
    assert!(wrong_actor(&scene.refused("tourism", by_rule("fire", Lead)), &["joint-office"]));

    let mut scene = reported(fengsui_event::payload::RoutingAnswer::Historical);
    let historical = issued("tourism", Lead, ReferralBasis::Historical);
    let own = ReferralId::of(scene.does("tourism", historical.clone()));
    scene.does("tourism", returned(own, "fire"));
    assert!(wrong_actor(&scene.refused("tourism", historical), &["joint-office"]));
}

/// An assisting agency may return as well; its successor settles it, and nothing stays pending for ever.
#[test]
fn a_returned_assisting_referral_is_settled_by_its_successor() {
    let (mut scene, _) = referred();
    let assisting = scene.refers("tourism", "urban", Assisting);
    scene.does("urban", returned(assisting, "housing"));
    assert!(wrong_actor(&scene.refused("tourism", by_rule("urban", Assisting)), &["joint-office"]));
    let successor =
        ReferralIssued { replaces: Some(assisting), ..issued("housing", Assisting, ReferralBasis::Designation) };
    scene.does("joint-office", successor);
    assert_eq!(scene.referral(assisting).status, ReferralStatus::Replaced);
}

#[test]
fn a_designation_takes_the_place_of_what_has_ended() {
    let (mut scene, lead) = referred();
    let assisting = scene.refers("tourism", "urban", Assisting);
    scene.does("fire", returned(lead, "housing"));
    let unknown = ReferralId::of(EventId::from_parts(1, [9; 10]));
    let missing = Rejection::Missing(Missing::Referral(unknown));
    assert_eq!(scene.refused("joint-office", designated("housing", Some(unknown))), missing);
    let running = scene.refused("joint-office", designated("housing", Some(assisting)));
    assert!(matches!(running, Rejection::ReferralState { status: ReferralStatus::Issued, .. }));
    let by_rule_instead = ReferralIssued { replaces: Some(lead), ..by_rule("culture", Informed) };
    assert!(matches!(scene.refused("tourism", by_rule_instead), Rejection::Incoherent { .. }));
    scene.does("joint-office", designated("housing", Some(lead)));
}

#[test]
fn a_transfer_goes_to_whom_it_named_once() {
    let (mut scene, lead) = referred();
    assert!(wrong_actor(&scene.refused("urban", transferred(lead, "housing")), &["fire"]));
    assert!(matches!(scene.refused("fire", transferred(lead, "fire")), Rejection::Incoherent { .. }));
    let nobody = Rejection::Missing(Missing::Agency(agency("police")));
    assert_eq!(scene.refused("fire", transferred(lead, "police")), nobody);
    let early = passed_on("housing", Lead, lead);
    assert!(matches!(scene.refused("fire", early.clone()), Rejection::Incoherent { .. }));
    scene.does("fire", transferred(lead, "housing"));
    assert!(matches!(scene.refused("fire", passed_on("urban", Lead, lead)), Rejection::Incoherent { .. }));
    assert!(matches!(scene.refused("fire", passed_on("housing", Assisting, lead)), Rejection::Incoherent { .. }));
    assert!(wrong_actor(&scene.refused("housing", early.clone()), &["fire"]));
    let second = ReferralId::of(scene.does("fire", early.clone()));
    assert!(matches!(scene.refused("fire", transferred(lead, "urban")), Rejection::ReferralState { .. }));
    // Housing says no: that is for the authority, not for fire to send once more.
    scene.does("housing", returned(second, "quality"));
    assert!(matches!(scene.refused("fire", early), Rejection::Incoherent { .. }));
    assert_eq!(scene.referral(second).status, ReferralStatus::Returned);
}

#[test]
fn what_is_fed_back_is_neither_returned_nor_passed_on() {
    let (mut scene, lead) = referred();
    scene.does("fire", acknowledged(lead));
    scene.does("fire", feedback(lead, Outcome::CaseFiled, "2025-03-03"));
    for rejection in
        [scene.refused("fire", returned(lead, "housing")), scene.refused("fire", transferred(lead, "housing"))]
    {
        assert!(matches!(rejection, Rejection::ReferralState { status: ReferralStatus::FedBack, .. }), "{rejection:?}");
    }
}

#[test]
fn an_informed_agency_owes_and_answers_nothing() {
    let (mut scene, _) = referred();
    let informed = scene.refers("tourism", "culture", Informed);
    for rejection in [
        scene.refused("culture", acknowledged(informed)),
        scene.refused("culture", returned(informed, "fire")),
        scene.refused("culture", feedback(informed, Outcome::NoViolation, "2025-03-03")),
    ] {
        assert!(matches!(rejection, Rejection::ReferralState { .. }), "{rejection:?}");
    }
}

#[test]
fn the_issuer_takes_back_all_but_a_lead_which_is_the_authoritys() {
    let (mut scene, lead) = referred();
    let assisting = scene.refers("tourism", "urban", Assisting);
    let informed = scene.refers("tourism", "culture", Informed);
    assert!(wrong_actor(&scene.refused("tourism", withdrawn(lead)), &["joint-office"]));
    assert!(wrong_actor(&scene.refused("urban", withdrawn(assisting)), &["joint-office", "tourism"]));
    let without_reason = fengsui_event::payload::ReferralWithdrawn { referral: assisting, reason: String::new() };
    assert_eq!(scene.refused("tourism", without_reason), Rejection::Empty { field: "reason".to_owned() });
    scene.does("tourism", withdrawn(assisting));
    scene.does("joint-office", withdrawn(informed));
    assert!(matches!(scene.refused("tourism", withdrawn(assisting)), Rejection::ReferralState { .. }));
    // Taken back by its issuer, it may be issued again.
    scene.does("tourism", by_rule("urban", Assisting));
    scene.does("joint-office", withdrawn(lead));
    assert!(scene.state().awaits_designation());
}

#[test]
fn nothing_moves_in_a_case_that_is_over() {
    for over in [
        (|scene: &mut Scene| {
            scene.does("tourism", retracted());
        }) as fn(&mut Scene),
        |scene| {
            scene.does("tourism", closed(fengsui_event::ClosingGround::UnitCeased, "2025-03-03"));
        },
    ] {
        let (mut scene, lead) = referred();
        over(&mut scene);
        for rejection in [
            scene.refused("tourism", by_rule("urban", Assisting)),
            scene.refused("fire", acknowledged(lead)),
            scene.refused("fire", returned(lead, "housing")),
            scene.refused("fire", transferred(lead, "housing")),
            scene.refused("joint-office", withdrawn(lead)),
        ] {
            assert!(matches!(rejection, Rejection::CaseState { .. }), "{rejection:?}");
        }
    }
}

/// Whoever had it last when the case was closed has it when it is reopened: the lead, the authority that had not yet
/// decided, or the authority that had to answer a return.
#[test]
fn reopening_falls_on_whoever_had_it_last() {
    let close = closed(fengsui_event::ClosingGround::UnitCeased, "2025-03-03");

    let (mut scene, lead) = referred();
    scene.does("tourism", close.clone());
    scene.does("tourism", reopened());
    assert_eq!(scene.referral(lead).status, ReferralStatus::Acknowledged);

    let (mut scene, lead) = referred();
    scene.does("fire", returned(lead, "housing"));
    scene.does("joint-office", close.clone());
    scene.does("tourism", reopened());
    assert_eq!(scene.referral(lead).status, ReferralStatus::Returned, "fire said that it is not responsible");
    assert!(scene.state().awaits_designation());
    scene.does("joint-office", designated("housing", Some(lead)));

    let mut scene = reported(unresolved());
    let asked = ReferralId::of(scene.does("tourism", issued("joint-office", Deciding, ReferralBasis::Undecided)));
    scene.does("tourism", close.clone());
    assert_eq!(scene.referral(asked).status, ReferralStatus::Lapsed);
    scene.does("tourism", reopened());
    assert_eq!(scene.referral(asked).status, ReferralStatus::Issued);
    scene.does("joint-office", designated("fire", None));

    let (mut scene, _) = referred();
    scene.refers("tourism", "urban", Assisting);
    scene.does("tourism", close);
    scene.does("tourism", reopened());
    scene.does("tourism", by_rule("urban", Assisting));
}

/// cases.md 20: a new referral keeps the history of the old ones.
#[test]
fn a_case_sent_to_the_wrong_body_keeps_its_history() {
    let (mut scene, first) = referred();
    scene.does("fire", transferred(first, "housing"));
    let second = ReferralId::of(scene.does("fire", passed_on("housing", Lead, first)));
    scene.does("housing", acknowledged(second));
    let answer = scene.does("housing", feedback(second, Outcome::RectifiedOnSite, "2025-03-03"));
    scene.does("tourism", confirmed(answer));
    let case = scene.state();
    let told: Vec<_> =
        case.referrals.iter().map(|it| (it.addressee.to_string(), it.status.code(), it.replaces)).collect();
    assert_eq!(told, [("fire".to_owned(), "replaced", None), ("housing".to_owned(), "confirmed", Some(first))]);
    assert_eq!(case.history.len(), 7);
    let _ = payloads::RULEBOOK;
}
