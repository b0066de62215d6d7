//! Agencies of the exchange.

use fengsui_event::payload::{AgencyKey, AgencyRegistered};
use fengsui_event::{AgencyCode, KeyAlgorithm, KeyId, RegionCode};
use fengsui_node::NodeError;
use fengsui_node::broker_accounts::Member;
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::join::JoinRequest;
use fengsui_projector::Registry;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::{act, broker, keys};
use crate::arguments::read::AgencyCommand;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::Session;

/// An agency as a line of the list.
#[derive(Serialize)]
struct AgencyRow {
    agency: AgencyCode,
    name: String,
    region: RegionCode,
    authority: bool,
    desk: bool,
    registered_at: u64,
    suspended_at: Option<u64>,
    keys: Vec<KeyId>,
}

/// Agencies.
pub fn run(session: &Session, command: AgencyCommand) -> Result<Exit, Failure> {
    match command {
        AgencyCommand::List => list(session),
        AgencyCommand::RotateKey(arguments) => keys::replace(session, &arguments),
        AgencyCommand::RevokeKey(arguments) => keys::revoke(session, arguments),
        AgencyCommand::Suspend(arguments) => keys::suspend(session, arguments),
        AgencyCommand::Register { code, key, connection_key, from, region, name } => {
            let new = match (from, code) {
                (Some(file), _) => NewAgency::of(broker::read_request(&file)?, region, name),
                (None, Some(code)) => {
                    NewAgency { code, keys: key, nodes: (1..).zip(connection_key).collect(), region, name }
                }
                (None, None) => return Err(Failure::usage("请写明部门代码", "name the agency")),
            };
            register(session, new)
        }
    }
}

fn list(session: &Session) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let registry = tables.registry();
    let row = |(code, agency): (&AgencyCode, &fengsui_projector::state::Agency)| AgencyRow {
        agency: *code,
        name: agency.name.clone(),
        region: agency.region,
        authority: *code == registry.authority,
        desk: tables.folder().key(*code).exists(),
        registered_at: agency.registered_at,
        suspended_at: agency.suspended_at,
        keys: keys_of(registry, *code),
    };
    let mut listing = Listing::begin(&session.output, "agencies", Some(&tables.moment), AGENCIES)?;
    registry.agencies.iter().map(row).try_for_each(|row| listing.row(&row))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn keys_of(registry: &Registry, agency: AgencyCode) -> Vec<KeyId> {
    let good = registry.keys.iter().filter(|(_, key)| key.agency == agency && key.until.is_none());
    good.map(|(keyid, _)| *keyid).collect()
}

const AGENCIES: &[Column<AgencyRow>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.agency.to_string())),
    Column::new("名称", "name", ColumnKind::Text, |row, _| Value::Text(row.name.clone())),
    Column::new("地区", "region", ColumnKind::Text, |row, _| Value::Text(row.region.to_string())),
    Column::new("角色", "role", ColumnKind::Text, |row, language| {
        if row.authority {
            Value::Text(language.pick("联席会议办公室", "authority").to_owned())
        } else {
            Value::Empty
        }
    }),
    Column::new("本文件夹可办理", "desk_here", ColumnKind::Text, |row, language| {
        if row.desk { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("登记位置", "registered_at", ColumnKind::Integer, |row, _| position(Some(row.registered_at))),
    Column::new("停用位置", "suspended_at", ColumnKind::Integer, |row, _| position(row.suspended_at)),
    Column::new("密钥", "keys", ColumnKind::Text, |row, _| {
        Value::Text(row.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }),
];

fn position(position: Option<u64>) -> Value {
    position.and_then(|position| i64::try_from(position).ok()).map_or(Value::Empty, Value::Integer)
}

/// The event that registers an agency by its public keys.
pub fn registration(agency: AgencyCode, name: String, region: RegionCode, keys: &[KeyId]) -> AgencyRegistered {
    let key = |keyid: &KeyId| AgencyKey { keyid: *keyid, algorithm: KeyAlgorithm::Ed25519 };
    AgencyRegistered { agency, name, region, keys: keys.iter().map(key).collect() }
}

/// An agency that is to be registered.
struct NewAgency {
    code: AgencyCode,
    keys: Vec<KeyId>,
    /// Its nodes by their connection keys.
    nodes: Vec<(u16, KeyId)>,
    region: Option<RegionCode>,
    name: Option<String>,
}

impl NewAgency {
    fn of(request: JoinRequest, region: Option<RegionCode>, name: Option<String>) -> Self {
        let JoinRequest { agency, name: own_name, region: own_region, node, key, connection_key } = request;
        let (region, name) = (region.or(Some(own_region)), name.or(own_name));
        Self { code: agency, keys: vec![key], nodes: vec![(node, connection_key)], region, name }
    }
}

fn register(session: &Session, new: NewAgency) -> Result<Exit, Failure> {
    let NewAgency { code, keys, nodes, region, name } = new;
    let mut node = session.node()?;
    let registry = broker::waiting_registry(&mut node)?;
    let authority = registry.authority;
    // Only one agency may do this, so nobody needs to name it.
    let actor = session.global.agency.unwrap_or(authority);
    if !node.folder().key(actor).exists() {
        let have = crate::session::agencies_with_keys(node.folder());
        return Err(Failure::NoKey { agency: actor, have });
    }
    let files = if nodes.is_empty() { None } else { Some(broker::of_authority(node.folder())?) };
    let book = registry.rulebook(session.today()).ok();
    let known = book.and_then(|book| book.agency(&code)).map(|agency| agency.name_zh.clone());
    let name = name.or(known).ok_or_else(|| {
        Failure::usage(
            format!("规则中没有部门 {code}，请用 --name 写明名称"),
            format!("the rulebook has no agency {code}: give its name with --name"),
        )
    })?;
    let region = region.unwrap_or(node.folder().exchange().region);
    // A run that was cut off between the event and the list of members is finished by running it again.
    let is_known =
        files.is_some() && registry.is_active(&code) && keys.iter().all(|key| is_key_of(&registry, code, key));
    let mut waiting = None;
    let events = if is_known {
        Vec::new()
    } else {
        let command = Command::RegisterAgency(registration(code, name.clone(), region, &keys));
        match node.submit(actor, command, &mut RandomIds, session.now) {
            Ok(receipt) => act::done(&receipt),
            // It is decided; the agency's node may come in already.
            Err(error @ NodeError::AcceptedNotPublished(_)) if files.is_some() => {
                waiting = Some(error);
                Vec::new()
            }
            Err(error) => return Err(error.into()),
        }
    };
    if let Some(files) = &files {
        let registry = broker::waiting_registry(&mut node)?;
        let member = |(node, connection_key)| Member { agency: code, node, connection_key };
        broker::admit(node.folder(), files, &registry, nodes.into_iter().map(member).collect())?;
    }
    node.close()?;
    show_registered(
        session,
        &json!({"agency": code, "name": name, "region": region, "keys": keys, "events": events}),
        is_known,
    )?;
    if let Some(files) = &files {
        broker::tell_to_reload(session, files);
    }
    waiting.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

fn is_key_of(registry: &Registry, agency: AgencyCode, key: &KeyId) -> bool {
    registry.keys.get(key).is_some_and(|known| known.agency == agency && known.until.is_none())
}

fn show_registered(session: &Session, document: &serde_json::Value, is_known: bool) -> Result<(), Failure> {
    let output = &session.output;
    if output.json() {
        return output.document(document);
    }
    let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
    let mut facts = Facts::new();
    facts
        .add(output.say("已登记部门", "registered"), text("agency"))
        .add(output.say("名称", "name"), text("name"))
        .add(output.say("地区", "region"), text("region"))
        .show(output)?;
    if is_known {
        output.note("早已登记，未再登记", "it was registered already");
    }
    Ok(())
}
