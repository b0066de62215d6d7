//! What holds after any history whatever.

use std::collections::{BTreeMap, BTreeSet};

use fengsui_event::{CaseId, UnitId};
use fengsui_projector::Registry;
use fengsui_projector::state::{CaseState, CaseStatus, EntryKind, LedgerEntry, ReferralStatus, Slot};

use super::Memory;

pub fn check_states(registry: &Registry, memory: &Memory) {
    let mut entries: BTreeMap<&UnitId, Vec<&LedgerEntry>> = BTreeMap::new();
    for entry in &memory.entries {
        entries.entry(&entry.unit).or_default().push(entry);
    }
    for (unit, account) in &memory.accounts {
        let own = entries.remove(unit).unwrap_or_default();
        let sum: i32 = own.iter().map(|entry| entry.points.0).sum();
        assert_eq!(account.total.0, sum, "the balance of {unit} is the sum of its entries");
        assert!(own.iter().map(|entry| entry.number).eq(1..=account.entries), "entries of {unit} are numbered");
        assert_eq!(own[0].kind, EntryKind::Opening);
        assert!(own[1..].iter().all(|entry| entry.kind != EntryKind::Opening), "{unit} was opened once");
        let cases: Vec<&CaseState> =
            memory.cases.values().filter(|case| case.unit == *unit).map(|case| &**case).collect();
        assert_eq!(account.cases as usize, cases.len(), "{unit}");
        let open = cases.iter().filter(|case| case.status == CaseStatus::Open).count();
        assert_eq!(account.open_cases as usize, open, "{unit}");
    }
    assert!(entries.is_empty(), "entries without an account");
    for case in memory.cases.values() {
        check_case(registry, memory, case);
    }
}

fn check_case(registry: &Registry, memory: &Memory, case: &CaseState) {
    check_referrals(registry, case);
    check_charges(memory, case);
    assert!(case.history.windows(2).all(|pair| pair[0] < pair[1]), "the history of {} is in order", case.id);
    assert_eq!(case.closing.is_some(), case.status == CaseStatus::Closed, "{}", case.id);
    assert_eq!(case.lead().is_none() && case.status == CaseStatus::Open, case.awaits_designation());
}

fn check_referrals(registry: &Registry, case: &CaseState) {
    let ids: BTreeSet<_> = case.referrals.iter().map(|referral| referral.id).collect();
    assert_eq!(ids.len(), case.referrals.len(), "each referral stands once in {}", case.id);
    let leads = case.referrals.iter().filter(|referral| {
        referral.role == fengsui_event::ReferralRole::Lead
            && !matches!(
                referral.status,
                ReferralStatus::Replaced
                    | ReferralStatus::Returned
                    | ReferralStatus::Withdrawn
                    | ReferralStatus::Lapsed
            )
    });
    assert!(leads.count() <= 1, "one lead at most in {}", case.id);
    for (index, referral) in case.referrals.iter().enumerate() {
        let due = case.pending_deadline(Slot::Referral(index), &registry.authority);
        let pending = case.status == CaseStatus::Open && referral.status.is_pending();
        assert_eq!(due.is_some(), pending, "a term runs for {} exactly while it is pending", referral.id);
        assert!(
            !(case.status != CaseStatus::Open && referral.status.is_pending()),
            "{} outlives its case",
            referral.id
        );
        assert_eq!(
            referral.status == ReferralStatus::Returned,
            due.as_ref().is_some_and(|_| referral.returned.is_some())
        );
    }
}

/// What a case took and gave back adds up, and nothing more came back than was taken at any time.
fn check_charges(memory: &Memory, case: &CaseState) {
    let own: Vec<&LedgerEntry> = memory.entries.iter().filter(|entry| entry.case == Some(case.id)).collect();
    let mut sum = 0;
    for of_one_event in own.chunk_by(|one, other| one.position == other.position) {
        sum += of_one_event.iter().map(|entry| entry.points.0).sum::<i32>();
        assert!(sum <= 0, "case {} gave back more than it took", case.id);
    }
    assert!(own.iter().all(|entry| entry.unit == case.unit));
    assert_eq!(sum, case.charges.iter().map(|charge| charge.points.0).sum::<i32>(), "{}", case.id);
    let standing: i32 = case.charges.iter().filter(|charge| !charge.reversed).map(|charge| charge.points.0).sum();
    assert_eq!(sum, standing, "what was taken back adds up to nothing in {}", case.id);
    for kind in [EntryKind::Deduction, EntryKind::Repetition, EntryKind::Late, EntryKind::Restoration] {
        let standing = case.charges.iter().filter(|charge| charge.kind == kind && !charge.reversed);
        assert!(standing.count() <= 1, "{kind:?} counts once in {}", case.id);
    }
    let offences = memory.accounts[&case.unit].offences.iter().filter(|offence| offence.case == case.id).count();
    let deducted = case.charges.iter().any(|charge| charge.kind == EntryKind::Deduction && !charge.reversed);
    assert_eq!(offences, usize::from(deducted), "an offence is remembered exactly while it is charged: {}", case.id);
    let _: CaseId = case.id;
}
