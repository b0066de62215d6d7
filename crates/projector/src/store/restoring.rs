//! Bringing back state that was kept elsewhere: whole values take the way that changed ones do.

use super::{ModelError, Store};
use crate::fold::driver::States;
use crate::fold::{Changes, Touched};
use crate::state::{AccountState, CaseState, CertificateState, LedgerEntry, Registry};

impl Store {
    /// Brings back a case with all that is drawn from it.
    pub(crate) fn restore_case(&mut self, case: Box<CaseState>) -> Result<(), ModelError> {
        let referrals = (0..case.referrals.len()).collect();
        let feedback = (0..case.feedback.len()).collect();
        let changes = Changes { referrals, feedback, ..Changes::default() };
        self.put(Touched { case: Some(case), ..Touched::default() }, Some(changes))
    }

    /// Brings back an account.
    pub(crate) fn restore_account(&mut self, account: Box<AccountState>) -> Result<(), ModelError> {
        let changes = Changes { account: true, ..Changes::default() };
        self.put(Touched { account: Some(account), ..Touched::default() }, Some(changes))
    }

    /// Brings back a certificate.
    pub(crate) fn restore_certificate(&mut self, certificate: Box<CertificateState>) -> Result<(), ModelError> {
        let changes = Changes { certificate: true, ..Changes::default() };
        self.put(Touched { certificate: Some(certificate), ..Touched::default() }, Some(changes))
    }

    /// Brings back a line of a ledger.
    pub(crate) fn restore_entry(&mut self, entry: LedgerEntry) {
        self.unsaved.entries.push(entry);
    }

    /// Has agencies, keys, rulebooks and every chain written.
    pub(crate) fn restore_registry(&mut self, registry: &Registry) {
        self.unsaved.registry = true;
        self.unsaved.chains.extend(registry.chains.keys().cloned());
    }
}
