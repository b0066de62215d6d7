//! One bucket of the broker's object store for each agency: others put evidence in, it alone takes it out.
//!
//! The layout is that of NATS' object stores (ADR-20 of the NATS project), so that `nats object` reads them: chunks under
//! `$O.{bucket}.C.{upload}`, then one message about the object under `$O.{bucket}.M.{name}`. The library's own upload is not used, because
//! it reads the bucket first, which only the bucket's owner may. Nothing in a bucket can be removed or replaced, so that whoever puts a
//! false object under a name hides no true one; an object counts when its content has the SHA-256 that is its name.

use async_nats::jetstream::Context;
use async_nats::jetstream::object_store::{ObjectInfo, ObjectOptions};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, DiscardPolicy, StorageType, Stream};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use fengsui_event::{AgencyCode, Digest, RegionCode};
use fengsui_log::jetstream::Broker;

use super::EvidenceError;

/// Bytes of one chunk, as object stores have them by default.
pub const CHUNK_BYTES: usize = 128 << 10;

/// Chunks that are on their way at once: 2 MiB.
const CHUNKS_IN_FLIGHT_MAX: usize = 16;

/// Chunks that an object may have, whatever it says of itself.
const CHUNKS_MAX: usize = 8_192;

/// Objects under one name that are looked at. More than one is there only if somebody put a false one.
const OBJECTS_MAX: usize = 16;

/// The bucket of an agency.
#[must_use]
pub fn bucket_name(region: RegionCode, agency: AgencyCode) -> String {
    format!("evidence-{region}-{agency}")
}

/// The stream in which a bucket lies.
#[must_use]
pub fn bucket_stream(bucket: &str) -> String {
    format!("OBJ_{bucket}")
}

/// What a look into the own bucket found.
#[derive(Debug)]
pub(super) struct Found {
    /// The content, if it is there.
    pub content: Option<Vec<u8>>,
    /// Objects under the name that are something else, with what is wrong.
    pub wrong: Vec<(String, String)>,
}

/// What to look for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub sha256: Digest,
    pub bytes_max: u64,
    /// Objects that were found to be wrong before.
    pub known_wrong: &'a [String],
}

/// Makes an agency's bucket if it is not there: nothing in it is ever removed, replaced or expires.
pub(super) fn ensure(broker: &Broker, bucket: &str, replicas: usize) -> Result<(), EvidenceError> {
    let doing = || format!("making the bucket {bucket}");
    let context = broker.context();
    on(broker, doing, async {
        if context.get_stream(bucket_stream(bucket)).await.is_ok() {
            return Ok(());
        }
        let config = Config {
            name: bucket_stream(bucket),
            description: Some("evidence".to_owned()),
            subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            num_replicas: replicas,
            allow_direct: true,
            deny_delete: true,
            deny_purge: true,
            ..Config::default()
        };
        context.create_stream(config).await.map(drop).map_err(|error| error.to_string())
    })
}

/// How many replicas the region's stream has, so that evidence is kept as safely.
pub(super) fn replicas_of(broker: &Broker, region: RegionCode) -> Result<usize, EvidenceError> {
    let name = fengsui_log::jetstream::stream_name(region);
    let context = broker.context();
    on(broker, || format!("looking at the stream {name}"), async {
        let stream = context.get_stream(&name).await.map_err(|error| error.to_string())?;
        Ok(stream.cached_info().config.num_replicas)
    })
}

/// Whether the last object under a name is this upload.
pub(super) fn has_upload(broker: &Broker, bucket: &str, sha256: Digest, upload: &str) -> Result<bool, EvidenceError> {
    let context = broker.context();
    on(broker, || format!("looking for evidence {sha256} in {bucket}"), async {
        let stream = stream(&context, bucket).await?;
        match stream.direct_get_last_for_subject(about_subject(bucket, sha256)).await {
            Ok(message) => {
                Ok(serde_json::from_slice::<ObjectInfo>(&message.payload).is_ok_and(|info| info.nuid == upload))
            }
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// Puts a content into a bucket. When this returns it is stored.
pub(super) fn put(
    broker: &Broker,
    bucket: &str,
    sha256: Digest,
    upload: &str,
    content: &[u8],
) -> Result<(), EvidenceError> {
    let context = broker.context();
    let info = ObjectInfo {
        name: sha256.to_string(),
        description: None,
        metadata: std::collections::HashMap::default(),
        headers: None,
        options: Some(ObjectOptions { link: None, max_chunk_size: Some(CHUNK_BYTES) }),
        bucket: bucket.to_owned(),
        nuid: upload.to_owned(),
        size: content.len(),
        chunks: content.len().div_ceil(CHUNK_BYTES),
        modified: None,
        digest: Some(format!("SHA-256={}", URL_SAFE.encode(sha256.0))),
        deleted: false,
    };
    on(broker, || format!("putting evidence {sha256} into {bucket}"), async {
        let about = serde_json::to_vec(&info).map_err(|error| error.to_string())?;
        let subject = format!("$O.{bucket}.C.{upload}");
        let mut waiting = std::collections::VecDeque::new();
        for chunk in content.chunks(CHUNK_BYTES) {
            let sent = context.publish(subject.clone(), chunk.to_vec().into()).await;
            waiting.push_back(sent.map_err(|error| error.to_string())?);
            if waiting.len() >= CHUNKS_IN_FLIGHT_MAX
                && let Some(first) = waiting.pop_front()
            {
                first.await.map_err(|error| error.to_string())?;
            }
        }
        for acknowledgement in waiting {
            acknowledgement.await.map_err(|error| error.to_string())?;
        }
        // Last: an object is there once it is spoken of.
        let acknowledgement = context.publish(about_subject(bucket, sha256), about.into()).await;
        acknowledgement.map_err(|error| error.to_string())?.await.map_err(|error| error.to_string())?;
        Ok(())
    })
}

/// Looks for a content in the own bucket, at every object under its name until one is what it should be.
pub(super) fn look_for(broker: &Broker, bucket: &str, wanted: Wanted<'_>) -> Result<Found, EvidenceError> {
    let context = broker.context();
    on(broker, || format!("fetching evidence {} from {bucket}", wanted.sha256), async {
        let stream = stream(&context, bucket).await?;
        let mut found = Found { content: None, wrong: Vec::new() };
        let mut next = 1;
        for _ in 0..OBJECTS_MAX {
            let Some(message) = next_message(&stream, about_subject(bucket, wanted.sha256), next).await? else { break };
            next = message.sequence + 1;
            // An object that cannot be read has no name of its own; its place stands for it.
            let (object, read) = match usable(&message.payload, wanted) {
                Ok(info) if wanted.known_wrong.contains(&info.nuid) => continue,
                Ok(info) => (info.nuid.clone(), read(&stream, bucket, &info, wanted.sha256).await?),
                Err(_) if wanted.known_wrong.contains(&message.sequence.to_string()) => continue,
                Err(reason) => (message.sequence.to_string(), Err(reason)),
            };
            match read {
                Ok(content) => {
                    found.content = Some(content);
                    break;
                }
                Err(reason) => found.wrong.push((object, reason)),
            }
        }
        Ok(found)
    })
}

/// What a message says about an object, if that object can be read within bounds.
fn usable(about: &[u8], wanted: Wanted<'_>) -> Result<ObjectInfo, String> {
    let info: ObjectInfo = serde_json::from_slice(about).map_err(|_| "it is not described as an object".to_owned())?;
    let is_plain = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if info.deleted || info.options.as_ref().is_some_and(|options| options.link.is_some()) || !is_plain(&info.nuid) {
        return Err("it is no content of its own".to_owned());
    }
    let size = u64::try_from(info.size).unwrap_or(u64::MAX);
    if size == 0 || size > wanted.bytes_max || info.chunks > CHUNKS_MAX {
        return Err(format!(
            "it has {} bytes in {} chunks, and evidence may have {}",
            size, info.chunks, wanted.bytes_max
        ));
    }
    Ok(info)
}

/// The content of an object, or what is wrong with it.
async fn read(
    stream: &Stream<()>,
    bucket: &str,
    info: &ObjectInfo,
    sha256: Digest,
) -> Result<Result<Vec<u8>, String>, String> {
    let subject = format!("$O.{bucket}.C.{}", info.nuid);
    let mut content = Vec::new();
    let mut next = 1;
    for _ in 0..info.chunks {
        let Some(message) = next_message(stream, subject.clone(), next).await? else {
            return Ok(Err(format!("it ends after {} of {} bytes", content.len(), info.size)));
        };
        next = message.sequence + 1;
        content.extend_from_slice(&message.payload);
        if content.len() > info.size {
            return Ok(Err(format!("it has more than the {} bytes that it says", info.size)));
        }
    }
    let found = Digest::of(&content);
    Ok(if found == sha256 { Ok(content) } else { Err(format!("its content has SHA-256 {found}")) })
}

async fn next_message(
    stream: &Stream<()>,
    subject: String,
    from: u64,
) -> Result<Option<async_nats::jetstream::message::StreamMessage>, String> {
    match stream.direct_get_next_for_subject(subject, Some(from)).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

async fn stream(context: &Context, bucket: &str) -> Result<Stream<()>, String> {
    context.get_stream_no_info(bucket_stream(bucket)).await.map_err(|error| error.to_string())
}

fn about_subject(bucket: &str, sha256: Digest) -> String {
    format!("$O.{bucket}.M.{}", URL_SAFE.encode(sha256.to_string()))
}

/// Does something at the broker. While there is no connection it is not tried, so that nothing is sent late.
fn on<T>(
    broker: &Broker,
    doing: impl Fn() -> String,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, EvidenceError> {
    let failed = |detail: String, is_out_of_reach| EvidenceError::Broker { doing: doing(), detail, is_out_of_reach };
    if !broker.is_connected() {
        return Err(failed("the broker is out of reach; it is tried again".to_owned(), true));
    }
    broker.runtime().block_on(work).map_err(|detail| {
        let hint = broker.last_error().filter(|last| last.to_lowercase().contains("permissions violation"));
        failed(hint.map_or_else(|| detail.clone(), |hint| format!("{detail}; {hint}")), true)
    })
}
