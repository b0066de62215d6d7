//! Making a node's folder, or adding a desk to one that holds the authority's key.
//!
//! Every step is made only if it was not made before, so a run that was cut off is simply run again.

use std::path::{Path, PathBuf};

use fengsui_event::payload::RulebookPublished;
use fengsui_event::{AgencyCode, Date, Digest, KeyId, Language, Signer as _};
use fengsui_node::broker_accounts::BrokerFiles;
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::folder::{Exchange, Folder, FolderError, NodeConfig};
use fengsui_node::join::JoinRequest;
use fengsui_node::keys::SigningKey;
use fengsui_node::{Node, NodeError};
use fengsui_projector::Registry;
use fengsui_rulebook::Rulebook;
use serde_json::json;

use super::act;
use super::agency::registration;
use super::broker;
use crate::arguments::work::InitArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// What `init` found or made.
struct Made {
    agency: AgencyCode,
    public_key: String,
    registered: bool,
    anything_new: bool,
    /// Where the exchange has a broker.
    connection: Option<Connection>,
}

/// How a node comes to its broker.
struct Connection {
    servers: Vec<String>,
    key: KeyId,
    /// The configuration from which the authority runs the broker.
    server: Option<PathBuf>,
    /// What the authority is to be sent.
    request: Option<PathBuf>,
    /// Whether what was decided waits until the broker is reached.
    waits: bool,
}

/// Makes a folder or adds a desk.
pub fn run(session: &Session, arguments: &InitArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let agency = session.global.agency.ok_or_else(|| {
        Failure::usage(
            "请用 --agency 写明部门，例如 --agency fire",
            "name the agency with --agency, such as --agency fire",
        )
    })?;
    let root = &session.global.data;
    let made = if Folder::is_initialised(root) {
        in_existing(session, arguments, agency)?
    } else if arguments.authority {
        found_exchange(session, arguments, agency)?
    } else if let Some(file) = &arguments.exchange {
        join_exchange(session, arguments, agency, file)?
    } else {
        return Err(Failure::usage(
            "新文件夹须写明 --authority（联席会议办公室，新建交换）或 --exchange FILE（联席会议办公室发放的交换文件）",
            "a new folder needs --authority (begin an exchange as its authority) or --exchange FILE (as the authority handed it out)",
        ));
    };
    show(session, arguments, &made)?;
    Ok(Exit::Done)
}

/// The key comes first: the exchange file names it, and a folder whose exchange file names a lost key is of no use.
fn key_for(root: &Path, agency: AgencyCode) -> Result<SigningKey, Failure> {
    let keys = root.join("keys");
    let path = keys.join(format!("{agency}.seed"));
    if path.exists() {
        return Ok(SigningKey::load(&path)?);
    }
    make_private_folder(&keys)?;
    let key = SigningKey::generate()?;
    key.save(&path)?;
    Ok(key)
}

fn make_private_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Failure::file(path))
}

/// The first events of an exchange, decided before anything is made.
struct Founding {
    text: String,
    book: Rulebook,
    name: String,
}

impl Founding {
    fn of(session: &Session, arguments: &InitArguments, authority: AgencyCode) -> Result<Self, Failure> {
        let text = default_rulebook(authority)?;
        let book = Rulebook::from_toml(&text)?;
        let name = name_of(arguments, &book, authority)?;
        if *book.authority() != authority {
            let office = book.authority();
            session.output.warn(
                format!("默认规则中没有部门 {authority}，其中由 {office} 承担的事项将由 {authority} 决定"),
                format!(
                    "the default rulebook has no agency {authority}; what it leaves to {office} comes to {authority}"
                ),
            );
        }
        Ok(Self { text, book, name })
    }
}

fn found_exchange(session: &Session, arguments: &InitArguments, agency: AgencyCode) -> Result<Made, Failure> {
    let founding = Founding::of(session, arguments, agency)?;
    let root = &session.global.data;
    let servers: Vec<String> = arguments.server.iter().map(ToString::to_string).collect();
    let config = config_for(arguments, agency, servers.clone())?;
    let key = key_for(root, agency)?;
    let public_key = key.public();
    let exchange = Exchange { region: arguments.region, authority: agency, authority_keys: vec![key.keyid()], servers };
    if config.broker.is_some() {
        broker::connection_key(root, agency)?;
    }
    let mut node = Node::create(root, config, exchange)?;
    let registry = broker::waiting_registry(&mut node)?;
    if node.folder().node().broker.is_some() {
        broker::make_files(session, node.folder(), &registry)?;
    }
    found(session, founding, &mut node, &registry, &key)?;
    let connection = connection_of(&node, None)?;
    node.close()?;
    Ok(Made { agency, public_key, registered: true, anything_new: true, connection })
}

/// The node's configuration, with the way to its broker where there is one.
fn config_for(arguments: &InitArguments, agency: AgencyCode, servers: Vec<String>) -> Result<NodeConfig, Failure> {
    let InitArguments { ca, certificate, client_key, .. } = arguments;
    let broker = broker::configured(servers, ca.as_ref(), certificate.as_ref(), client_key.as_ref())?;
    Ok(NodeConfig { broker, ..NodeConfig::new(arguments.region, agency, arguments.node) })
}

/// How the folder's node comes to its broker, where it has one.
fn connection_of(node: &Node, request: Option<PathBuf>) -> Result<Option<Connection>, Failure> {
    let folder = node.folder();
    let Some(config) = &folder.node().broker else { return Ok(None) };
    let (key, _) = broker::connection_key(folder.root(), folder.node().agency)?;
    let server = Some(BrokerFiles::of(folder.root()).server()).filter(|path| path.exists());
    let waits = node.out_of_reach().is_some();
    Ok(Some(Connection { servers: config.servers.clone(), key: key.public(), server, request, waits }))
}

/// Whether the authority is registered and has published rules, be it that they wait for the broker.
fn is_founded(registry: &Registry) -> bool {
    registry.agencies.contains_key(&registry.authority) && !registry.rulebooks.is_empty()
}

fn found(
    session: &Session,
    founding: Founding,
    node: &mut Node,
    registry: &Registry,
    key: &SigningKey,
) -> Result<(), Failure> {
    let Exchange { region, authority, .. } = *node.folder().exchange();
    let registered = registry.agencies.contains_key(&authority);
    let ruled = !registry.rulebooks.is_empty();
    let Founding { text, book, name } = founding;
    let registration = registration(authority, name, region, &[key.keyid()]);
    let rulebook = published(&book, text, session.today());
    let now = session.now;
    let published = node.batch(|batch| {
        let mut ids = RandomIds;
        if !registered {
            batch.submit(authority, Command::RegisterAgency(registration), &mut ids, now)?;
        }
        if !ruled {
            batch.submit(authority, Command::PublishRulebook(rulebook), &mut ids, now)?;
        }
        Ok::<(), NodeError>(())
    });
    Ok(accepted(node, published)?)
}

/// What is accepted is enough where a broker is yet to be started.
fn accepted(node: &Node, result: Result<(), NodeError>) -> Result<(), NodeError> {
    match result {
        Err(NodeError::AcceptedNotPublished(_)) if node.folder().node().broker.is_some() => Ok(()),
        other => other,
    }
}

fn published(book: &Rulebook, text: String, effective_from: Date) -> RulebookPublished {
    let sha256 = Digest::of(text.as_bytes());
    RulebookPublished { version: book.version().to_owned(), effective_from, sha256, text }
}

/// The default rulebook, with this exchange's authority in it when it is one of its agencies.
fn default_rulebook(authority: AgencyCode) -> Result<String, Failure> {
    let text = Rulebook::default_toml();
    let book = Rulebook::from_toml(text)?;
    let (version, office) = (book.version(), book.authority());
    let adapted = text
        .replacen(&format!("authority = \"{office}\""), &format!("authority = \"{authority}\""), 1)
        .replacen(&format!("version = \"{version}\""), &format!("version = \"{version}-{authority}\""), 1);
    let is_sound =
        *office != authority && Rulebook::from_toml(&adapted).is_ok_and(|book| *book.authority() == authority);
    Ok(if is_sound { adapted } else { text.to_owned() })
}

fn name_of(arguments: &InitArguments, book: &Rulebook, agency: AgencyCode) -> Result<String, Failure> {
    let known = book.agency(&agency).map(|agency| agency.name(Language::Zh).to_owned());
    arguments.name.clone().or(known).ok_or_else(|| {
        Failure::usage(
            format!("规则中没有部门 {agency}，请用 --name 写明名称"),
            format!("the rulebook has no agency {agency}: give its name with --name"),
        )
    })
}

fn join_exchange(
    session: &Session,
    arguments: &InitArguments,
    agency: AgencyCode,
    file: &Path,
) -> Result<Made, Failure> {
    let exchange = Exchange::load(file)?;
    let root = &session.global.data;
    let servers = match arguments.server.as_slice() {
        [] => exchange.servers.clone(),
        given => given.iter().map(ToString::to_string).collect(),
    };
    let config = config_for(arguments, agency, servers)?;
    let key = key_for(root, agency)?;
    let registered = exchange.authority == agency && exchange.authority_keys.contains(&key.keyid());
    let has_broker = config.broker.is_some();
    if has_broker {
        broker::connection_key(root, agency)?;
    }
    let node = Node::create(root, config, exchange)?;
    let request = if has_broker { Some(write_request(arguments, &node, &key)?) } else { None };
    let connection = connection_of(&node, request)?;
    node.close()?;
    Ok(Made { agency, public_key: key.public(), registered, anything_new: true, connection })
}

/// What the authority is to be sent, as a file that is made again whenever it is missing or names another key.
fn write_request(arguments: &InitArguments, node: &Node, key: &SigningKey) -> Result<PathBuf, Failure> {
    let folder = node.folder();
    let NodeConfig { region, agency, node: number, .. } = *folder.node();
    let path = folder.root().join(JoinRequest::file_name(agency));
    let written = if path.exists() { Some(broker::read_request(&path)?) } else { None };
    let (connection_key, _) = broker::connection_key(folder.root(), agency)?;
    let request = JoinRequest {
        agency,
        name: arguments.name.clone().or_else(|| written.as_ref().and_then(|written| written.name.clone())),
        region,
        node: number,
        key: key.keyid(),
        connection_key: connection_key.public(),
    };
    if written.as_ref() != Some(&request) {
        request.save(&path).map_err(broker::request_failure)?;
    }
    Ok(path)
}

fn in_existing(session: &Session, arguments: &InitArguments, agency: AgencyCode) -> Result<Made, Failure> {
    let has_new_connection = refuse_other_node(session, arguments, agency)?;
    let mut node = session.node()?;
    let exchange = node.folder().exchange().clone();
    let has_broker = node.folder().node().broker.is_some();
    let mut registry = broker::waiting_registry(&mut node)?;
    let holds_authority = node.folder().key(exchange.authority).exists();
    let mut anything_new = has_new_connection;
    if holds_authority && has_broker {
        anything_new |= broker::make_files(session, node.folder(), &registry)?;
    }
    if holds_authority && !is_founded(&registry) {
        let key = SigningKey::load(&node.folder().key(exchange.authority))?;
        let founding = Founding::of(session, arguments, exchange.authority)?;
        found(session, founding, &mut node, &registry, &key)?;
        registry = broker::waiting_registry(&mut node)?;
        anything_new = true;
    }
    let path = node.folder().key(agency);
    if !path.exists() {
        refuse_foreign(session, &node, agency, holds_authority)?;
        node.add_key(agency, SigningKey::generate()?)?;
        anything_new = true;
    }
    let key = SigningKey::load(&path)?;
    let known = registry.keys.get(&key.keyid()).is_some_and(|known| known.agency == agency);
    let mut registered = known && registry.agencies.contains_key(&agency);
    if !registered && holds_authority {
        register(session, arguments, &mut node, agency, &key)?;
        (registered, anything_new) = (true, true);
    }
    let is_joining = has_broker && !holds_authority;
    let request = if is_joining { Some(write_request(arguments, &node, &key)?) } else { None };
    let connection = connection_of(&node, request)?;
    node.close()?;
    Ok(Made { agency, public_key: key.public(), registered, anything_new, connection })
}

/// What a folder that is there already cannot become. Says whether its connection key was missing, without which its node does not open.
fn refuse_other_node(session: &Session, arguments: &InitArguments, agency: AgencyCode) -> Result<bool, Failure> {
    let folder = Folder::open(&session.global.data)?;
    let exchange = folder.exchange();
    if !exchange.region.contains(arguments.region) {
        let (path, node) = (session.global.data.join("exchange.toml"), arguments.region);
        return Err(FolderError::OutsideExchange { path, node, exchange: exchange.region }.into());
    }
    if arguments.authority && agency != exchange.authority {
        let (data, authority) = (session.global.data.display(), exchange.authority);
        return Err(Failure::failed(
            "already_initialised",
            format!("{data} 中的交换由 {authority} 主管；请用 --data 指明另一文件夹"),
            format!("the exchange in {data} has the authority {authority}: name another folder with --data"),
        ));
    }
    let servers: Vec<String> = arguments.server.iter().map(ToString::to_string).collect();
    broker::refuse_other_broker(&folder, &servers)?;
    let own = folder.node().agency;
    if folder.node().broker.is_some() && agency != own {
        // The broker lets a node publish under one prefix only, so the events of another desk would never get out.
        let file = folder.root().join("exchange.toml");
        return Err(Failure::failed(
            "one_agency_per_node",
            format!(
                "使用消息服务器时，一个节点只属于一个部门（此处为 {own}）；请用 --data 指明另一文件夹，并加 --exchange {}",
                file.display()
            ),
            format!(
                "with a broker a node is one agency's, here {own}: make another folder with --data and --exchange {}",
                file.display()
            ),
        ));
    }
    if folder.node().broker.is_none() {
        return Ok(false);
    }
    Ok(broker::connection_key(folder.root(), own)?.1)
}

/// A new key would be of no use: nobody here may register it, or the agency signs with another one already.
fn refuse_foreign(session: &Session, node: &Node, agency: AgencyCode, holds_authority: bool) -> Result<(), Failure> {
    if !holds_authority {
        return Err(FolderError::AlreadyInitialised { root: session.global.data.clone() }.into());
    }
    if node.registry().agencies.contains_key(&agency) {
        let path = node.folder().key(agency);
        return Err(Failure::failed(
            "already_registered",
            format!("部门 {agency} 已用另一密钥登记；要在此办理，请将其密钥文件放到 {}", path.display()),
            format!(
                "{agency} is registered with another key already; to act for it here, put its seed file at {}",
                path.display()
            ),
        ));
    }
    Ok(())
}

fn register(
    session: &Session,
    arguments: &InitArguments,
    node: &mut Node,
    agency: AgencyCode,
    key: &SigningKey,
) -> Result<(), Failure> {
    let authority = node.folder().exchange().authority;
    let name = match node.registry().rulebook(session.today()) {
        Ok(book) => name_of(arguments, book, agency)?,
        Err(_) => arguments.name.clone().unwrap_or_else(|| agency.to_string()),
    };
    let command = Command::RegisterAgency(registration(agency, name, arguments.region, &[key.keyid()]));
    node.submit(authority, command, &mut RandomIds, session.now)?;
    Ok(())
}

fn show(session: &Session, arguments: &InitArguments, made: &Made) -> Result<(), Failure> {
    let Made { agency, public_key, registered, anything_new, connection } = made;
    let output = &session.output;
    if output.json() {
        return output.document(&document(session, arguments, made));
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("文件夹", "folder"), session.global.data.display())
        .add(output.say("部门", "agency"), agency)
        .add(output.say("公钥", "public key"), public_key)
        .add(
            output.say("登记", "registered"),
            if *registered { output.say("已登记", "yes") } else { output.say("尚未登记", "not yet") },
        );
    if let Some(Connection { servers, key, .. }) = connection {
        facts
            .add(output.say("消息服务器", "broker"), servers.join(" "))
            .add(output.say("连接公钥", "connection key"), key);
    }
    facts.show(output)?;
    if !anything_new {
        output.note("已经存在，未作更改", "it is there already; nothing was changed");
    }
    if *registered {
        if let (true, Some(Connection { request: Some(path), .. })) = (*anything_new, connection) {
            let command = format!("fengsui broker member add --from {}", JoinRequest::file_name(*agency));
            output.note(
                format!("请将 {} 交给联席会议办公室，由其执行：\n  {command}", path.display()),
                format!("send {} to the authority, which must run:\n  {command}", path.display()),
            );
        }
        tell_next(session, arguments, made);
    } else {
        tell_to_register(session, arguments, made);
    }
    Ok(())
}

fn document(session: &Session, arguments: &InitArguments, made: &Made) -> serde_json::Value {
    let Made { agency, public_key, registered, anything_new, connection } = made;
    let mut document = json!({
        "data": session.global.data.display().to_string(), "agency": agency, "region": arguments.region,
        "public_key": public_key, "registered": registered, "created": anything_new,
        "register_command": (!registered).then(|| register_command(arguments, made)),
    });
    if let Some(Connection { servers, key, server, request, waits }) = connection {
        let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        document["broker"] = json!({
            "servers": servers, "connection_key": key, "server_configuration": shown(server),
            "join_request": shown(request), "waits_for_broker": waits,
        });
    }
    document
}

fn tell_to_register(session: &Session, arguments: &InitArguments, made: &Made) {
    let register = register_command(arguments, made);
    let request = made.connection.as_ref().and_then(|connection| connection.request.as_ref());
    let (zh, en) = match request.map(|path| path.display()) {
        Some(path) => (
            format!("请将 {path} 交给联席会议办公室，由其执行：\n  {register}"),
            format!("send {path} to the authority, which must run:\n  {register}"),
        ),
        None => (format!("请联席会议办公室执行：\n  {register}"), format!("the authority must run:\n  {register}")),
    };
    session.output.note(zh, en);
}

fn tell_next(session: &Session, arguments: &InitArguments, made: &Made) {
    let Made { agency, connection, .. } = made;
    let (output, region) = (&session.output, arguments.region);
    let program = act::invocation(session);
    let at_the_desk = format!(
        "\n  {program} --agency {agency} violation report --help\n  {program} --agency {agency} referral list --inbox"
    );
    let steps = match connection {
        Some(Connection { server: Some(server), waits, .. }) => {
            if *waits {
                output.note(
                    "首批事件已存入发件箱，待消息服务器启动后写入日志",
                    "the first events are durable in the outbox and go on the log when the broker is there",
                );
            }
            format!("\n  nats-server -c {}\n  {program} node run", server.display())
        }
        Some(_) => format!("\n  {program} node run{at_the_desk}"),
        None if arguments.authority => {
            format!("\n  {program} init --region {region} --agency fire\n  {program} agency list")
        }
        None => at_the_desk,
    };
    output.note(format!("下一步：{steps}"), format!("next:{steps}"));
}

/// What the authority runs to let the agency in.
fn register_command(arguments: &InitArguments, made: &Made) -> String {
    let Made { agency, public_key, connection, .. } = made;
    let region = arguments.region;
    match connection {
        Some(Connection { request: Some(_), .. }) => {
            format!("fengsui agency register --from {}", JoinRequest::file_name(*agency))
        }
        _ => format!("fengsui agency register {agency} --region {region} --key {public_key}"),
    }
}
