//! Fold state in plain maps: the reference that the real read model is compared with.

use std::collections::BTreeMap;
use std::convert::Infallible;

use fengsui_event::{AgencyCode, CaseId, CertificateId, EventId, UnitId};
use fengsui_projector::fold::driver::{Seen, States};
use fengsui_projector::fold::{Anomaly, Changes, Touched};
use fengsui_projector::state::{AccountState, CaseState, CertificateState, Cosignature, LargestCosigned, LedgerEntry};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub ids: BTreeMap<EventId, (u64, fengsui_event::Digest)>,
    pub cases: BTreeMap<CaseId, Box<CaseState>>,
    pub accounts: BTreeMap<UnitId, Box<AccountState>>,
    pub entries: Vec<LedgerEntry>,
    pub cosignatures: Vec<Cosignature>,
    pub certificates: BTreeMap<CertificateId, Box<CertificateState>>,
    pub anomalies: Vec<Anomaly>,
}

impl Memory {
    pub fn entries_of(&self, unit: &UnitId) -> Vec<&LedgerEntry> {
        self.entries.iter().filter(|entry| entry.unit == *unit).collect()
    }
}

impl States for Memory {
    type Error = Infallible;

    fn remember(&mut self, id: EventId, seen: Seen) -> Result<Option<Seen>, Infallible> {
        let first = self.seen(id)?;
        if first.is_none() {
            self.ids.insert(id, (seen.position, seen.digest));
        }
        Ok(first)
    }

    fn seen(&mut self, id: EventId) -> Result<Option<Seen>, Infallible> {
        Ok(self.ids.get(&id).map(|&(position, digest)| Seen { position, digest }))
    }

    fn take_case(&mut self, id: CaseId) -> Result<Option<Box<CaseState>>, Infallible> {
        Ok(self.cases.remove(&id))
    }

    fn take_account(&mut self, unit: &UnitId) -> Result<Option<Box<AccountState>>, Infallible> {
        Ok(self.accounts.remove(unit))
    }

    fn certificate(&mut self, id: CertificateId) -> Result<Option<Box<CertificateState>>, Infallible> {
        Ok(self.certificates.get(&id).cloned())
    }

    fn cosigned_at(&mut self, size: u64) -> Result<Vec<Cosignature>, Infallible> {
        Ok(self.cosignatures.iter().filter(|it| it.size == size).cloned().collect())
    }

    fn largest_cosigned(&mut self, agency: &AgencyCode) -> Result<Option<LargestCosigned>, Infallible> {
        let own = self.cosignatures.iter().filter(|it| it.agency == *agency);
        let largest = own.max_by_key(|it| (it.size, std::cmp::Reverse(it.position)));
        Ok(largest.map(|it| LargestCosigned { size: it.size, position: it.position }))
    }

    fn cosign(&mut self, cosignature: Cosignature) -> Result<(), Infallible> {
        self.cosignatures.push(cosignature);
        Ok(())
    }

    fn put(&mut self, touched: Touched, changes: Option<Changes>) -> Result<(), Infallible> {
        if let Some(case) = touched.case {
            self.cases.insert(case.id, case);
        }
        if let Some(account) = touched.account {
            self.accounts.insert(account.unit.clone(), account);
        }
        let changes = changes.unwrap_or_default();
        if let Some(certificate) = touched.certificate.filter(|_| changes.certificate) {
            self.certificates.insert(certificate.id, certificate);
        }
        self.entries.extend(changes.entries);
        Ok(())
    }

    fn note(&mut self, anomaly: Anomaly) -> Result<(), Infallible> {
        self.anomalies.push(anomaly);
        Ok(())
    }

    fn registry_changed(&mut self) {}
}
