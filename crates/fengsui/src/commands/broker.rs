//! The broker's configuration in the authority's folder: who may sign in, accounts, server.

use std::path::{Path, PathBuf};

use fengsui_event::{AgencyCode, KeyId};
use fengsui_node::Node;
use fengsui_node::broker_accounts::{BrokerFiles, KeyTaken, Member, Members, leaf_users, write_text};
use fengsui_node::broker_server::{PathNotText, ServerUrl, ServerUrlError, server_configuration};
use fengsui_node::connection_key::ConnectionKey;
use fengsui_node::folder::{BrokerConfig, Folder, FolderError};
use fengsui_node::join::{JoinRequest, JoinRequestError};
use fengsui_projector::Registry;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use crate::arguments::broker::{BrokerCommand, MemberCommand};
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::Session;

/// The broker.
pub fn run(session: &Session, command: BrokerCommand) -> Result<Exit, Failure> {
    match command {
        BrokerCommand::Accounts { out, leaf } => write_accounts(session, out.as_deref(), leaf),
        BrokerCommand::Member(command) => member(session, command),
        BrokerCommand::Config => print_server(session),
    }
}

fn member(session: &Session, command: MemberCommand) -> Result<Exit, Failure> {
    match command {
        MemberCommand::List => list(session),
        MemberCommand::Add { code, node, connection_key, from } => {
            let new = match (from, code, connection_key) {
                (Some(file), ..) => {
                    let JoinRequest { agency, node, connection_key, .. } = read_request(&file)?;
                    Member { agency, node, connection_key }
                }
                (None, Some(agency), Some(connection_key)) => Member { agency, node, connection_key },
                _ => return Err(Failure::usage("请写明部门代码和连接公钥", "name the agency and the connection key")),
            };
            add(session, &new)
        }
        MemberCommand::Remove { connection_key } => remove(session, connection_key),
    }
}

/// The folder of the authority of an exchange on a broker.
fn authority_folder(session: &Session) -> Result<(Folder, BrokerFiles), Failure> {
    session.refuse_as_of()?;
    let folder = Folder::open(&session.global.data)?;
    let files = of_authority(&folder)?;
    Ok((folder, files))
}

/// The files of the broker, where the folder is that of the authority of an exchange on a broker.
pub fn of_authority(folder: &Folder) -> Result<BrokerFiles, Failure> {
    let authority = folder.exchange().authority;
    if folder.node().broker.is_none() {
        let data = folder.root().display();
        return Err(Failure::failed(
            "no_broker",
            format!("{data} 中的交换没有消息服务器：日志就是节点自己的文件"),
            format!("the exchange in {data} has no broker: its log is the node's own file"),
        ));
    }
    if !folder.key(authority).exists() {
        return Err(Failure::NoKey { agency: authority, have: crate::session::agencies_with_keys(folder) });
    }
    Ok(BrokerFiles::of(folder.root()))
}

/// Agencies, keys and rulebooks, with what waits in the outbox.
pub fn waiting_registry(node: &mut Node) -> Result<Registry, Failure> {
    node.batch(|batch| Ok(batch.overlay().registry().clone()))
}

/// What the broker of a new node is to be; none where nothing was said of one.
pub fn configured(
    servers: Vec<String>,
    ca: Option<&PathBuf>,
    certificate: Option<&PathBuf>,
    client_key: Option<&PathBuf>,
) -> Result<Option<BrokerConfig>, Failure> {
    if servers.is_empty() {
        if ca.is_some() || certificate.is_some() {
            return Err(Failure::usage(
                "证书用于连接消息服务器：请用 --server 写明服务器地址",
                "certificates are for the broker: name its server with --server",
            ));
        }
        return Ok(None);
    }
    for server in &servers {
        server.parse::<ServerUrl>().map_err(|error| bad_server(&error))?;
    }
    // The node may be run from anywhere.
    let absolute =
        |path: Option<&PathBuf>| path.map(|path| std::path::absolute(path).map_err(Failure::file(path))).transpose();
    let (ca, certificate, key) = (absolute(ca)?, absolute(certificate)?, absolute(client_key)?);
    if let Some(key) = &key {
        fengsui_node::broker::check_key_of_certificate(key)?;
    }
    Ok(Some(BrokerConfig { servers, ca, certificate, key, recovery_patience_seconds: None }))
}

fn bad_server(error: &ServerUrlError) -> Failure {
    Failure::usage(format!("服务器地址有误：{error}"), error.to_string())
}

/// The key with which the folder's node signs in, made when there is none. Says whether it is new.
pub fn connection_key(root: &Path, agency: AgencyCode) -> Result<(ConnectionKey, bool), Failure> {
    let path = root.join("keys").join(format!("{agency}.connection.seed"));
    if path.exists() {
        return Ok((ConnectionKey::load(&path)?, false));
    }
    let key = ConnectionKey::generate()?;
    key.save(&path)?;
    Ok((key, true))
}

/// Makes what is missing of the files from which the authority runs the broker. Says whether anything was.
pub fn make_files(session: &Session, folder: &Folder, registry: &Registry) -> Result<bool, Failure> {
    let files = of_authority(folder)?;
    let root = files.root();
    std::fs::create_dir_all(root).map_err(Failure::file(root))?;
    let node = folder.node();
    let (key, _) = connection_key(folder.root(), node.agency)?;
    let mut members = Members::load(&files.members())?;
    let new = members.add(Member { agency: node.agency, node: node.node, connection_key: key.public() });
    let mut anything_new = new.map_err(|error| key_taken(&error))?;
    if anything_new {
        members.save(&files.members())?;
    }
    if anything_new || !files.accounts().exists() {
        files.write_accounts(folder, registry)?;
        anything_new = true;
    }
    if !files.server().exists() {
        write_text(&files.server(), &server_text(session, folder, &files)?)?;
        anything_new = true;
    }
    Ok(anything_new)
}

fn server_text(session: &Session, folder: &Folder, files: &BrokerFiles) -> Result<String, Failure> {
    let Some(broker) = &folder.node().broker else { return Ok(String::new()) };
    let first = broker.servers.first().map(String::as_str).unwrap_or_default();
    let url: ServerUrl = first.parse().map_err(|error| bad_server(&error))?;
    if broker.servers.len() > 1 {
        session.output.note(
            format!("配置只用于单台服务器 {url}；多台服务器请用 deploy/nats/cluster.conf"),
            format!("the configuration is for one server, {url}; for several see deploy/nats/cluster.conf"),
        );
    }
    let with_tls = broker.ca.is_some() || broker.certificate.is_some();
    server_configuration(folder.exchange().region, &url, with_tls, files).map_err(|error| path_not_text(&error))
}

fn path_not_text(error: &PathNotText) -> Failure {
    let path = error.0.display();
    Failure::failed("folder", format!("路径 {path} 不能写入服务器配置，请换一个文件夹"), error.to_string())
}

/// A key that is another node's already.
fn key_taken(error: &KeyTaken) -> Failure {
    let Member { agency, node, connection_key } = &error.0;
    let zh = format!(
        "连接公钥 {connection_key} 已是 {agency} 节点 {node} 的；每个节点应有自己的密钥，由 `fengsui init` 生成"
    );
    Failure::failed("key_taken", zh, error.to_string())
}

/// Reads what a node that joins has sent.
pub fn read_request(file: &Path) -> Result<JoinRequest, Failure> {
    JoinRequest::load(file).map_err(request_failure)
}

/// Why a request to join could not be read or written.
pub fn request_failure(error: JoinRequestError) -> Failure {
    match error {
        JoinRequestError::Io { path, source } => Failure::File { path, source },
        JoinRequestError::Content { ref path, .. } => {
            let zh = format!("{} 不是加入交换的申请文件：{error}", path.display());
            Failure::failed("join_request", zh, error.to_string())
        }
    }
}

/// Puts nodes on the list and writes the accounts anew. Says how many are new.
pub fn admit(folder: &Folder, files: &BrokerFiles, registry: &Registry, new: Vec<Member>) -> Result<usize, Failure> {
    let mut members = Members::load(&files.members())?;
    let mut added = 0;
    for member in new {
        added += usize::from(members.add(member).map_err(|error| key_taken(&error))?);
    }
    members.save(&files.members())?;
    files.write_accounts(folder, registry)?;
    Ok(added)
}

/// Tells that the server must read its accounts again: twice, because it takes up what a new account imports with the second reading only.
pub fn tell_to_reload(session: &Session, files: &BrokerFiles) {
    let command = format!(
        "  for round in 1 2; do nats-server --signal reload={}; sleep 1; done\n  systemctl reload fengsui-nats",
        files.pid().display()
    );
    let accounts = files.accounts();
    session.output.note(
        format!("账户已写入 {}；请让服务器重新读取两次（新账户第二次才完全生效），二者之一：\n{command}", accounts.display()),
        format!(
            "the accounts are in {}; have the server read them again, twice (a new account is whole with the second), by one of:\n{command}",
            accounts.display()
        ),
    );
}

fn registry_of(session: &Session) -> Result<Registry, Failure> {
    let mut node = session.node()?;
    let registry = waiting_registry(&mut node)?;
    node.close()?;
    Ok(registry)
}

fn write_accounts(session: &Session, out: Option<&Path>, leaf: Option<AgencyCode>) -> Result<Exit, Failure> {
    let (folder, files) = authority_folder(session)?;
    let registry = registry_of(session)?;
    let exchange = folder.exchange();
    let standing = Members::load(&files.members())?.standing(&registry);
    let users = match (out, leaf) {
        (Some(out), Some(agency)) => {
            let of_agency = standing.iter().filter(|member| member.agency == agency).count();
            write_text(out, &leaf_users(exchange.region, exchange.authority, agency, &standing))?;
            of_agency
        }
        (Some(out), None) => {
            let text = fengsui_node::broker_accounts::accounts(exchange.region, exchange.authority, &standing);
            write_text(out, &text)?;
            standing.len()
        }
        (None, _) => files.write_accounts(&folder, &registry)?.len(),
    };
    let path = out.map_or_else(|| files.accounts(), Path::to_owned);
    let output = &session.output;
    if output.json() {
        output.document(&json!({"file": path.display().to_string(), "users": users}))?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("文件", "file"), path.display())
        .add(output.say("可登录的节点", "nodes that may sign in"), users)
        .show(output)?;
    if out.is_none() {
        tell_to_reload(session, &files);
    }
    Ok(Exit::Done)
}

/// A node as a line of the list.
#[derive(Serialize)]
struct MemberRow {
    agency: AgencyCode,
    node: u16,
    connection_key: KeyId,
    signs_in: bool,
}

const MEMBERS: &[Column<MemberRow>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.agency.to_string())),
    Column::new("节点", "node", ColumnKind::Integer, |row, _| Value::Integer(row.node.into())),
    Column::new("可登录", "signs_in", ColumnKind::Text, |row, language| {
        Value::Text(if row.signs_in { language.pick("是", "yes") } else { language.pick("否", "no") }.to_owned())
    }),
    Column::new("连接公钥", "connection_key", ColumnKind::Text, |row, _| {
        Value::Text(row.connection_key.to_string())
    }),
];

fn list(session: &Session) -> Result<Exit, Failure> {
    let (_, files) = authority_folder(session)?;
    let members = Members::load(&files.members())?;
    let standing = members.standing(&registry_of(session)?);
    let mut listing = Listing::begin(&session.output, "members", None, MEMBERS)?;
    members.as_slice().iter().try_for_each(|member| {
        let Member { agency, node, connection_key } = *member;
        listing.row(&MemberRow { agency, node, connection_key, signs_in: standing.contains(member) })
    })?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn add(session: &Session, member: &Member) -> Result<Exit, Failure> {
    let (folder, files) = authority_folder(session)?;
    let registry = registry_of(session)?;
    let agency = member.agency;
    if !registry.agencies.contains_key(&agency) {
        return Err(Failure::failed(
            "not_registered",
            format!("部门 {agency} 尚未登记，请先执行 `fengsui agency register`"),
            format!("{agency} is not registered: `fengsui agency register` comes first"),
        ));
    }
    let added = admit(&folder, &files, &registry, vec![member.clone()])?;
    show_change(session, &files, member, "added", added > 0)
}

fn remove(session: &Session, key: KeyId) -> Result<Exit, Failure> {
    let (folder, files) = authority_folder(session)?;
    if connection_key(folder.root(), folder.node().agency)?.0.public() == key {
        return Err(Failure::usage(
            "这是联席会议办公室自己的节点：移除后将无法登记任何变更",
            "this is the authority's own node: without it nothing could be registered any more",
        ));
    }
    let registry = registry_of(session)?;
    let mut members = Members::load(&files.members())?;
    let Some(member) = members.remove(key) else {
        return Err(Failure::failed(
            "no_such_member",
            format!("名单中没有连接公钥 {key}；见 `fengsui broker member list`"),
            format!("no node has the connection key {key}; see `fengsui broker member list`"),
        ));
    };
    members.save(&files.members())?;
    files.write_accounts(&folder, &registry)?;
    show_change(session, &files, &member, "removed", true)
}

fn show_change(
    session: &Session,
    files: &BrokerFiles,
    member: &Member,
    change: &'static str,
    is_change: bool,
) -> Result<Exit, Failure> {
    let output = &session.output;
    if output.json() {
        output.document(
            &json!({"member": member, "changed": is_change, "accounts": files.accounts().display().to_string()}),
        )?;
        return Ok(Exit::Done);
    }
    let label = if change == "added" { output.say("已增加", "added") } else { output.say("已移除", "removed") };
    let mut facts = Facts::new();
    facts
        .add(label, member.agency)
        .add(output.say("节点", "node"), member.node)
        .add(output.say("连接公钥", "connection key"), member.connection_key)
        .show(output)?;
    if !is_change {
        output.note("已在名单中", "it was on the list already");
    }
    tell_to_reload(session, files);
    Ok(Exit::Done)
}

fn print_server(session: &Session) -> Result<Exit, Failure> {
    let (folder, files) = authority_folder(session)?;
    let text = server_text(session, &folder, &files)?;
    if session.output.json() {
        session.output.document(&json!({"file": files.server().display().to_string(), "text": text}))?;
    } else {
        session.output.write(&text)?;
    }
    Ok(Exit::Done)
}

/// A folder cannot change between a log of its own and a broker's stream by running `init` again.
pub fn refuse_other_broker(folder: &Folder, servers: &[String]) -> Result<(), Failure> {
    let path = folder.root().join("node.toml");
    match &folder.node().broker {
        Some(broker) if servers.is_empty() || broker.servers == servers => Ok(()),
        None if servers.is_empty() => Ok(()),
        Some(_) => Err(Failure::failed(
            "other_broker",
            format!("{} 写的是另一服务器；请在其中 [broker] 处更改", path.display()),
            format!("{} names another server: change it there, under [broker]", path.display()),
        )),
        None => Err(FolderError::AlreadyInitialised { root: folder.root().to_owned() }.into()),
    }
}
