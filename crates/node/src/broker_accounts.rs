//! Who may do what at the broker: the authority's list of members, and the server configuration that follows from it.
//!
//! Every agency is an account of its own at the server, and imports from the exchange's account exactly the subjects that it may ask or
//! publish on. Permissions of users within one account would not do: the server itself writes its answers wherever the asker's reply
//! subject says, so an agency could have its own bytes written under another's prefix, or a stream deleted (docs/adr/0028).

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, KeyId, RegionCode};
use fengsui_projector::Registry;
use serde::{Deserialize, Serialize};

use crate::folder::{Folder, FolderError, read_toml, write_atomically, write_toml};

/// A node that may sign in at the broker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Whose node.
    pub agency: AgencyCode,
    /// Which of its nodes, from 1.
    pub node: u16,
    /// The node's public connection key.
    pub connection_key: KeyId,
}

/// The authority's list of members. Kept in `broker/members.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    #[serde(default)]
    members: Vec<Member>,
}

/// Why a member could not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the connection key {} is that of node {} of {} already: every node has one of its own, which `fengsui init` makes",
    .0.connection_key, .0.node, .0.agency
)]
pub struct KeyTaken(pub Member);

impl Members {
    /// Reads a list; an absent file is an empty list.
    pub fn load(path: &Path) -> Result<Members, FolderError> {
        match read_toml(path) {
            Err(FolderError::FileMissing { .. }) => Ok(Members::default()),
            read => read,
        }
    }

    /// Writes the list, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), FolderError> {
        write_toml(path, MEMBERS_HEADING, self)
    }

    /// The members, by agency and node.
    pub fn as_slice(&self) -> &[Member] {
        &self.members
    }

    /// Adds a member; says whether it is new. A node may have two keys for a while, so that it can change from one to the other.
    pub fn add(&mut self, member: Member) -> Result<bool, KeyTaken> {
        match self.members.iter().find(|known| known.connection_key == member.connection_key) {
            Some(known) if *known == member => return Ok(false),
            Some(known) => return Err(KeyTaken(known.clone())),
            None => self.members.push(member),
        }
        self.members.sort_unstable();
        Ok(true)
    }

    /// Takes a key off the list and says whose it was.
    pub fn remove(&mut self, key: KeyId) -> Option<Member> {
        let index = self.members.iter().position(|member| member.connection_key == key)?;
        Some(self.members.remove(index))
    }

    /// The members that may sign in now: those whose agency is neither suspended nor without a key in force. One that is not registered
    /// yet may: its registration may be on its way, and what it publishes before has no effect.
    #[must_use]
    pub fn standing(&self, registry: &Registry) -> Vec<Member> {
        self.members.iter().filter(|member| may_sign_in(registry, member.agency)).cloned().collect()
    }
}

/// The authority always may: it alone can mend what is wrong.
fn may_sign_in(registry: &Registry, agency: AgencyCode) -> bool {
    let has_key = || registry.keys.values().any(|key| key.agency == agency && key.until.is_none());
    agency == registry.authority
        || !registry.agencies.contains_key(&agency)
        || (registry.is_active(&agency) && has_key())
}

/// The files from which the exchange's broker is run, in the authority's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerFiles {
    root: PathBuf,
}

impl BrokerFiles {
    /// Those of a node's folder.
    pub fn of(root: &Path) -> BrokerFiles {
        BrokerFiles { root: root.join("broker") }
    }

    /// Their folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The list of members.
    pub fn members(&self) -> PathBuf {
        self.root.join("members.toml")
    }

    /// Accounts and permissions, written from the list.
    pub fn accounts(&self) -> PathBuf {
        self.root.join("accounts.conf")
    }

    /// The configuration of a single server.
    pub fn server(&self) -> PathBuf {
        self.root.join("nats-server.conf")
    }

    /// Where that server notes its process id.
    pub fn pid(&self) -> PathBuf {
        self.root.join("nats-server.pid")
    }

    /// Writes the accounts of those who may sign in now, whole or not at all; says who they are.
    pub fn write_accounts(&self, folder: &Folder, registry: &Registry) -> Result<Vec<Member>, FolderError> {
        let standing = Members::load(&self.members())?.standing(registry);
        let exchange = folder.exchange();
        write_text(&self.accounts(), &accounts(exchange.region, exchange.authority, &standing))?;
        Ok(standing)
    }
}

/// Writes a configuration, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<(), FolderError> {
    let io = |source: io::Error| FolderError::Io { path: path.to_owned(), source };
    write_atomically(path, text.as_bytes()).map_err(io)
}

/// How many answers a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// One.
    Single,
    /// Any number, such as the messages of a pull.
    Many,
}

/// A subject on which an agency may publish.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Permit {
    subject: String,
    answer: Answer,
}

impl Permit {
    fn single(subject: impl Into<String>) -> Permit {
        Permit { subject: subject.into(), answer: Answer::Single }
    }

    fn many(subject: impl Into<String>) -> Permit {
        Permit { subject: subject.into(), answer: Answer::Many }
    }

    fn export(&self) -> String {
        let Permit { subject, answer } = self;
        match answer {
            Answer::Single => format!("service: \"{subject}\""),
            Answer::Many => format!("service: \"{subject}\", response_type: stream"),
        }
    }
}

/// What every agency may: read the region's stream, and put evidence into any bucket without reading what others have put there. Nobody
/// may delete, purge or seal.
fn of_everyone(region: RegionCode) -> Vec<Permit> {
    let stream = format!("FENGSUI_{region}");
    vec![
        Permit::single("$JS.API.INFO"),
        Permit::single("$JS.API.STREAM.INFO.*"),
        Permit::single(format!("$JS.API.STREAM.MSG.GET.{stream}")),
        Permit::many(format!("$JS.API.DIRECT.GET.{stream}")),
        Permit::many(format!("$JS.API.DIRECT.GET.{stream}.fengsui.{region}.>")),
        Permit::single(format!("$JS.API.CONSUMER.CREATE.{stream}.>")),
        Permit::single(format!("$JS.API.CONSUMER.INFO.{stream}.*")),
        Permit::single(format!("$JS.API.CONSUMER.DELETE.{stream}.*")),
        Permit::many(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*")),
        Permit::single("$O.*.C.*"),
        Permit::single("$O.*.M.*"),
        // Which objects a bucket has, by their hashes, so that nothing is put there twice.
        Permit::many("$JS.API.DIRECT.GET.*.$O.*.M.*"),
    ]
}

/// What an agency alone may: publish under its own prefix, and read its own bucket of evidence. It may make no consumer on the bucket: a
/// consumer can deliver under any subject, and what stands in the bucket is of the agency's own choice. No two permits of one agency may
/// overlap, or the server would hand a request on twice.
fn of_agency(region: RegionCode, agency: AgencyCode) -> Vec<Permit> {
    let bucket = format!("evidence-{region}-{agency}");
    let stream = format!("OBJ_{bucket}");
    vec![
        Permit::single(format!("fengsui.{region}.{agency}.>")),
        Permit::single(format!("$JS.API.STREAM.MSG.GET.{stream}")),
        Permit::many(format!("$JS.API.DIRECT.GET.{stream}")),
        Permit::many(format!("$JS.API.DIRECT.GET.{stream}.$O.{bucket}.C.>")),
    ]
}

/// What the authority may besides: make the stream and the buckets, and change their settings. The server lets no one take "deny
/// delete" and "deny purge" off again.
fn of_authority() -> Vec<Permit> {
    ["STREAM.CREATE.*", "STREAM.UPDATE.*", "STREAM.NAMES", "STREAM.LIST"]
        .map(|request| Permit::single(format!("$JS.API.{request}")))
        .into()
}

fn of_member(region: RegionCode, authority: AgencyCode, agency: AgencyCode) -> Vec<Permit> {
    let mut permits = of_agency(region, agency);
    if agency == authority {
        permits.extend(of_authority());
    }
    permits
}

/// The account that holds the stream. Agencies' accounts are named by their codes, which are lower-case.
const EXCHANGE_ACCOUNT: &str = "EXCHANGE";

/// How requests arrive from a server at an agency's site: under the domain of `deploy/nats/server.conf`. The server turns them into the
/// plain ones, of which the account imports only what the agency may (docs/adr/0024).
const LEAF_REQUESTS: &str = "$JS.fengsui.API.>";

/// Where the answers to an agency's requests go: the prefix of its inboxes.
#[must_use]
pub fn inbox_prefix(agency: AgencyCode) -> String {
    format!("_INBOX_{agency}")
}

/// The accounts of an exchange as server configuration: the same text for the same members, in whatever order they are given.
#[must_use]
pub fn accounts(region: RegionCode, authority: AgencyCode, members: &[Member]) -> String {
    let mut members = members.to_vec();
    members.sort_unstable();
    members.dedup();
    let mut text = format!("{ACCOUNTS_HEADING}accounts {{\n");
    // Writing to a string cannot fail.
    let _ = exchange_account(&mut text, region, authority, &members);
    for nodes in members.chunk_by(|a, b| a.agency == b.agency) {
        let _ = agency_account(&mut text, region, authority, nodes);
    }
    text.push_str("}\n");
    text
}

fn exchange_account(
    text: &mut String,
    region: RegionCode,
    authority: AgencyCode,
    members: &[Member],
) -> std::fmt::Result {
    writeln!(
        text,
        "  # The stream and the evidence. Nobody signs in to this account, so nobody can do more than what it hands out."
    )?;
    writeln!(text, "  {EXCHANGE_ACCOUNT} {{\n    jetstream: enabled\n    exports: [")?;
    for permit in of_everyone(region) {
        writeln!(text, "      {{ {} }}", permit.export())?;
    }
    for nodes in members.chunk_by(|a, b| a.agency == b.agency) {
        let Some(Member { agency, .. }) = nodes.first() else { continue };
        for permit in of_member(region, authority, *agency) {
            writeln!(text, "      {{ {}, accounts: [\"{agency}\"] }}", permit.export())?;
        }
    }
    writeln!(text, "    ]\n  }}")
}

fn agency_account(text: &mut String, region: RegionCode, authority: AgencyCode, nodes: &[Member]) -> std::fmt::Result {
    let Some(Member { agency, .. }) = nodes.first() else { return Ok(()) };
    let mut permits = of_everyone(region);
    permits.extend(of_member(region, authority, *agency));
    writeln!(text, "  \"{agency}\" {{\n    users: [")?;
    users(text, nodes, &permits)?;
    writeln!(text, "    ]\n    imports: [")?;
    for Permit { subject, .. } in &permits {
        writeln!(text, "      {{ service: {{ account: {EXCHANGE_ACCOUNT}, subject: \"{subject}\" }} }}")?;
    }
    writeln!(text, "    ]\n  }}")
}

/// Users with their permissions. What an account does not import goes nowhere anyway; with permissions of users the server says so to
/// the one who tried.
fn users(text: &mut String, nodes: &[Member], permits: &[Permit]) -> std::fmt::Result {
    for Member { agency, node, connection_key } in nodes {
        writeln!(text, "      # node {node}")?;
        writeln!(text, "      {{ nkey: {connection_key}, permissions: {{")?;
        writeln!(text, "        publish: {{ allow: [")?;
        for Permit { subject, .. } in permits {
            writeln!(text, "          \"{subject}\"")?;
        }
        writeln!(text, "          \"{LEAF_REQUESTS}\"")?;
        writeln!(text, "        ] }}")?;
        writeln!(text, "        subscribe: {{ allow: [\"{}.>\"] }}", inbox_prefix(*agency))?;
        writeln!(text, "      }} }}")?;
    }
    Ok(())
}

/// The users of one agency for a server at its own site (a leaf node), which signs in at the exchange's servers as the agency. It has no
/// accounts: what passes through it is the agency's.
#[must_use]
pub fn leaf_users(region: RegionCode, authority: AgencyCode, agency: AgencyCode, members: &[Member]) -> String {
    let mut nodes: Vec<Member> = members.iter().filter(|member| member.agency == agency).cloned().collect();
    nodes.sort_unstable();
    nodes.dedup();
    let mut permits = of_everyone(region);
    permits.extend(of_member(region, authority, agency));
    let mut text = format!("{LEAF_HEADING}authorization {{\n    users: [\n");
    // Writing to a string cannot fail.
    let _ = users(&mut text, &nodes, &permits);
    text.push_str("    ]\n}\n");
    text
}

const MEMBERS_HEADING: &str =
    "# Which nodes may sign in at the broker. Kept by `fengsui agency register` and `fengsui broker member`.\n";
const ACCOUNTS_HEADING: &str = "\
# Who may do what at the broker. Written by `fengsui broker accounts` from members.toml and the log; what is changed here by hand is lost.
# After a change have the server read it again, twice: what a new account imports is taken up with the second reading only.
#   for round in 1 2; do nats-server --signal reload=PID; sleep 1; done
";
const LEAF_HEADING: &str = "\
# Who may sign in at an agency's own server. Written by the authority's `fengsui broker accounts --leaf`.
";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use fengsui_projector::state::{Agency, Key};

    use super::*;
    use crate::connection_key::ConnectionKey;

    fn region() -> RegionCode {
        "350600".parse().unwrap()
    }

    fn agency(code: &str) -> AgencyCode {
        code.parse().unwrap()
    }

    fn member(code: &str, node: u16) -> Member {
        Member { agency: agency(code), node, connection_key: ConnectionKey::generate().unwrap().public() }
    }

    fn listed(text: &str, from: &str, to: &str) -> Vec<String> {
        let part = text.split(from).nth(1).unwrap().split(to).next().unwrap();
        part.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Whether some subject fits both patterns.
    fn overlap(a: &str, b: &str) -> bool {
        let (mut a, mut b) = (a.split('.'), b.split('.'));
        loop {
            match (a.next(), b.next()) {
                (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
                (Some(x), Some(y)) if x == y || x == "*" || y == "*" => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn patterns_overlap_where_a_subject_fits_both() {
        for (a, b, expected) in [
            ("a.b", "a.b", true),
            ("a.*", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            ("a.*.c", "a.b.>", true),
            ("a.*", "a.b.c", false),
            ("a.b", "a.c", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn no_two_permits_of_an_agency_overlap() {
        for code in ["joint-office", "fire"] {
            let mut permits = of_everyone(region());
            permits.extend(of_member(region(), agency("joint-office"), agency(code)));
            for (index, a) in permits.iter().enumerate() {
                for b in &permits[index + 1..] {
                    assert!(!overlap(&a.subject, &b.subject), "{} {}", a.subject, b.subject);
                }
            }
        }
    }

    #[test]
    fn an_agency_gets_its_own_prefix_and_nobody_gets_what_destroys() {
        let members = [member("joint-office", 1), member("fire", 1), member("tourism", 1)];
        let text = accounts(region(), agency("joint-office"), &members);
        let of_fire = text.split("\n  \"fire\" {").nth(1).unwrap().split("\n  }").next().unwrap();
        let mut published = listed(of_fire, "publish: { allow: [", "] }");
        assert_eq!(published.pop().as_deref(), Some(LEAF_REQUESTS));
        let imported = listed(of_fire, "imports: [", "\n    ]");
        assert_eq!(published, imported);
        assert!(published.contains(&"fengsui.350600.fire.>".to_owned()));
        assert!(!of_fire.contains("tourism") && !of_fire.contains("STREAM.CREATE"), "{of_fire}");
        assert!(of_fire.contains("subscribe: { allow: [\"_INBOX_fire.>\"] }"), "{of_fire}");
        let of_authority = text.split("\n  \"joint-office\" {").nth(1).unwrap().split("\n  }").next().unwrap();
        assert!(of_authority.contains("$JS.API.STREAM.CREATE.*"), "{of_authority}");
        for destroys in ["DELETE.FENGSUI_350600\"", "STREAM.DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"] {
            assert!(!text.contains(destroys), "{destroys}");
        }
        assert!(!text.contains("\"$JS.API.>\"") && !text.contains("\">\""), "{text}");
    }

    #[test]
    fn the_text_does_not_depend_on_the_order_and_holds_no_member_twice() {
        let (a, b, c) = (member("fire", 2), member("fire", 1), member("commerce", 1));
        let text = accounts(region(), agency("joint-office"), &[a.clone(), b.clone(), c.clone()]);
        assert_eq!(accounts(region(), agency("joint-office"), &[c, b.clone(), a.clone(), b]), text);
        assert_eq!(text.matches("\n  \"fire\" {").count(), 1);
        assert_eq!(text.matches(&a.connection_key.to_string()).count(), 1);
    }

    #[test]
    fn a_leaf_has_the_users_of_its_agency_only() {
        let (fire, tourism) = (member("fire", 1), member("tourism", 1));
        let text = leaf_users(region(), agency("joint-office"), agency("fire"), &[tourism.clone(), fire.clone()]);
        assert!(text.contains(fire.connection_key.as_str()) && text.contains("fengsui.350600.fire.>"), "{text}");
        assert!(!text.contains(tourism.connection_key.as_str()) && !text.contains("accounts {"), "{text}");
    }

    #[test]
    fn a_list_keeps_one_entry_a_key_and_is_read_as_it_was_written() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join("members.toml");
        assert_eq!(Members::load(&path).unwrap(), Members::default());
        let mut members = Members::default();
        let (fire, second) = (member("fire", 1), member("fire", 2));
        assert!(members.add(second.clone()).unwrap() && members.add(fire.clone()).unwrap());
        assert!(!members.add(fire.clone()).unwrap());
        let stolen = Member { agency: agency("tourism"), ..fire.clone() };
        assert_eq!(members.add(stolen), Err(KeyTaken(fire.clone())));
        members.save(&path).unwrap();
        assert_eq!(Members::load(&path).unwrap().as_slice(), [fire.clone(), second.clone()]);
        assert_eq!(members.remove(fire.connection_key), Some(fire.clone()));
        assert_eq!(members.remove(fire.connection_key), None);
        assert_eq!(members.as_slice(), [second]);
        std::fs::write(&path, "[[members]]\nagency = \"fire\"\nnode = 1\nconnection_key = \"UABC\"\n").unwrap();
        let error = Members::load(&path).unwrap_err().to_string();
        assert!(error.contains("members.toml, line 4"), "{error}");
    }

    #[test]
    fn suspended_agencies_and_those_without_a_key_lose_their_users() {
        let (office, fire, tourism, commerce, new) = (
            member("joint-office", 1),
            member("fire", 1),
            member("tourism", 1),
            member("commerce", 1),
            member("urban", 1),
        );
        let all = [office.clone(), fire.clone(), tourism, commerce, new.clone()];
        let members = Members { members: all.to_vec() };
        let genesis = ConnectionKey::generate().unwrap().public();
        let mut registry = Registry::genesis(region(), agency("joint-office"), &[genesis]);
        assert_eq!(members.standing(&registry), all);
        let known = |suspended_at| Agency { name: String::new(), region: region(), registered_at: 1, suspended_at };
        for (code, suspended_at, until) in
            [("fire", None, None), ("tourism", Some(7), None), ("commerce", None, Some(8))]
        {
            registry.agencies.insert(agency(code), known(suspended_at));
            let key = Key { agency: agency(code), since: 1, until };
            registry.keys.insert(ConnectionKey::generate().unwrap().public(), key);
        }
        assert_eq!(members.standing(&registry), [office, fire, new]);
    }
}
