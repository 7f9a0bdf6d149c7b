//! The hub contracts as read from `.proto` files, and the rules they must keep.
//!
//! Refused, all at once: a hub method without access rule or limit class; two methods with one wire id; a receiver that is
//! missing, or named by two hubs; streaming methods; a one-way method that returns something; options on the wrong side (a rule on
//! a receiver method, a delivery class on a hub method or on a client result); a key that is no field of its message, or a field
//! that is a message, a list or a floating-point number.

use std::collections::BTreeMap;
use std::path::Path;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use crate::error::CodegenError;
use crate::fingerprint;
use crate::options::{MethodOptions, Options};
pub use crate::paths::MessageName;

/// All hubs of a set of files.
#[derive(Clone, Debug)]
pub struct Contracts {
    /// In the order of their full names.
    pub hubs: Vec<Hub>,
    /// BLAKE3 of what the hubs, their receivers and the messages they use look like on the wire.
    pub hash: [u8; 32],
}

/// A hub and its receiver.
#[derive(Clone, Debug)]
pub struct Hub {
    /// `WorldHub`
    pub name: String,
    /// `shallot.world.v1.WorldHub`
    pub full_name: String,
    /// What the contract says about it.
    pub comment: String,
    /// In the order of the file.
    pub methods: Vec<HubMethod>,
    /// What the server may call on a client.
    pub receiver: Receiver,
}

/// What a client may call.
#[derive(Clone, Debug)]
pub struct HubMethod {
    /// Name, wire id, messages.
    pub signature: Signature,
    /// Number of the enum `shallot.hub.v1.Access`, never 0.
    pub access: Access,
    /// Number of the enum `shallot.hub.v1.LimitClass`, never 0.
    pub limit: LimitClass,
    /// Answers nothing.
    pub one_way: bool,
    /// Does not wait for its turn.
    pub concurrent: bool,
    /// Milliseconds; 0: the default.
    pub deadline_ms: u32,
}

/// The receiver of a hub.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// `WorldReceiver`
    pub name: String,
    /// `shallot.world.v1.WorldReceiver`
    pub full_name: String,
    /// What the contract says about it.
    pub comment: String,
    /// In the order of the file.
    pub methods: Vec<ReceiverMethod>,
}

/// What the server may call on a client.
#[derive(Clone, Debug)]
pub struct ReceiverMethod {
    /// Name, wire id, messages.
    pub signature: Signature,
    /// Push or client result.
    pub kind: ReceiverKind,
}

/// How a receiver method travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverKind {
    /// The server does not wait.
    Push {
        /// Class.
        delivery: Delivery,
        /// For LATEST and UNRELIABLE: the field whose value is the key.
        key: Option<KeyField>,
    },
    /// The server awaits what the client returns.
    ClientResult {
        /// Milliseconds; 0: the default.
        deadline_ms: u32,
    },
}

/// The field of a push whose value tells one LATEST value from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyField {
    /// Name in the contract.
    pub name: String,
    /// Its Rust type, as far as keys care.
    pub kind: KeyKind,
}

/// What a key is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An integer, an enum, a truth value.
    Number,
    /// Text or bytes.
    Bytes,
}

/// What every method has.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `UseSkill`
    pub name: String,
    /// `shallot.world.v1.WorldHub/UseSkill`
    pub full_name: String,
    /// Wire id.
    pub id: u32,
    /// What the contract says about it.
    pub comment: String,
    /// What goes in.
    pub request: MessageName,
    /// What comes out.
    pub reply: MessageName,
}

/// Who may call a method; the enum of the option file without its "unspecified".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Whoever holds a valid access token.
    Player,
    /// A player whose session has selected a character.
    Character,
}

/// Which token bucket a call draws from; the enum of the option file without its "unspecified".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitClass {
    /// Doors.
    SignIn,
    /// Most methods.
    Ordinary,
    /// Trades.
    Trade,
    /// Hands on the controls.
    Play,
    /// Talk.
    Chat,
    /// Inputs without datagrams.
    Input,
}

/// How a push travels; the enum of the option file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Ordered, never dropped.
    Reliable,
    /// The newest per key.
    Latest,
    /// On a datagram when there is a channel.
    Unreliable,
}

/// Reads the hub services of `files`, which import from `includes`.
///
/// # Errors
///
/// See the module's doc; all broken rules come in one error.
pub fn read(includes: &[impl AsRef<Path>], files: &[impl AsRef<Path>]) -> Result<Contracts, CodegenError> {
    of_pool(&compile(includes, files)?)
}

/// The files, which import from `includes`, with our options in them.
///
/// # Errors
///
/// A file that does not compile.
pub fn compile(includes: &[impl AsRef<Path>], files: &[impl AsRef<Path>]) -> Result<DescriptorPool, CodegenError> {
    let mut compiler = protox::Compiler::new(includes)?;
    compiler.include_source_info(true).include_imports(true).open_files(files)?;
    Ok(compiler.descriptor_pool())
}

/// Reads the hub services of compiled files.
///
/// # Errors
///
/// See the module's doc; all broken rules come in one error.
pub fn of_pool(pool: &DescriptorPool) -> Result<Contracts, CodegenError> {
    let options = Options::find(pool)?;
    let mut reader = Reader { pool, options, problems: Vec::new(), receivers: BTreeMap::new() };
    let mut services: Vec<ServiceDescriptor> = pool.services().collect();
    services.sort_by(|a, b| a.full_name().cmp(b.full_name()));
    let hubs: Vec<Hub> = services.iter().filter_map(|service| reader.hub(service)).collect();
    reader.problems.extend(fingerprint::collisions(&hubs));
    if !reader.problems.is_empty() {
        return Err(CodegenError::Refused(reader.problems));
    }
    let hash = fingerprint::contract_hash(&hubs, pool);
    Ok(Contracts { hubs, hash })
}

struct Reader<'a> {
    pool: &'a DescriptorPool,
    options: Options,
    problems: Vec<String>,
    /// Receiver to the hub that names it.
    receivers: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn hub(&mut self, service: &ServiceDescriptor) -> Option<Hub> {
        let receiver_name = self.options.receiver_of(service)?;
        let methods = service.methods().filter_map(|m| self.hub_method(&m)).collect();
        let receiver = self.receiver(service, &receiver_name)?;
        Some(Hub {
            name: service.name().to_owned(),
            full_name: service.full_name().to_owned(),
            comment: comment_at(&service.parent_file(), service.path()),
            methods,
            receiver,
        })
    }

    fn receiver(&mut self, hub: &ServiceDescriptor, name: &str) -> Option<Receiver> {
        let full_name = format!("{}.{name}", hub.package_name());
        let Some(service) = self.pool.get_service_by_name(&full_name) else {
            self.problems.push(format!("{}: its receiver `{full_name}` is not declared", hub.full_name()));
            return None;
        };
        if let Some(other) = self.receivers.insert(full_name.clone(), hub.full_name().to_owned()) {
            self.problems.push(format!("{full_name}: is the receiver of both {other} and {}", hub.full_name()));
        }
        let methods = service.methods().filter_map(|m| self.receiver_method(&m)).collect();
        let comment = comment_at(&service.parent_file(), service.path());
        Some(Receiver { name: service.name().to_owned(), full_name, comment, methods })
    }

    fn hub_method(&mut self, method: &MethodDescriptor) -> Option<HubMethod> {
        let options = self.options.of_method(method);
        let signature = self.signature(method, &options)?;
        let name = &signature.full_name;
        if options.one_way && !signature.reply.is_empty() {
            self.problems.push(format!("{name}: a one-way method returns google.protobuf.Empty"));
        }
        if options.delivery != 0 || !options.key.is_empty() {
            self.problems.push(format!("{name}: delivery and key are for receiver methods"));
        }
        let access = match options.access {
            1 => Access::Public,
            2 => Access::Player,
            3 => Access::Character,
            _ => {
                self.problems.push(format!("{name}: has no (shallot.hub.v1.rule).access"));
                return None;
            }
        };
        let limit = match options.limit {
            1 => LimitClass::SignIn,
            2 => LimitClass::Ordinary,
            3 => LimitClass::Trade,
            4 => LimitClass::Play,
            5 => LimitClass::Chat,
            6 => LimitClass::Input,
            _ => {
                self.problems.push(format!("{name}: has no (shallot.hub.v1.rule).limit"));
                return None;
            }
        };
        Some(HubMethod {
            access,
            limit,
            one_way: options.one_way,
            concurrent: options.concurrent,
            deadline_ms: options.deadline_ms,
            signature,
        })
    }

    fn receiver_method(&mut self, method: &MethodDescriptor) -> Option<ReceiverMethod> {
        let options = self.options.of_method(method);
        let signature = self.signature(method, &options)?;
        let name = &signature.full_name;
        if options.access != 0 || options.limit != 0 || options.one_way || options.concurrent {
            self.problems.push(format!("{name}: rule, one_way and concurrent are for hub methods"));
        }
        let is_push = signature.reply.is_empty();
        if !is_push && (options.delivery != 0 || !options.key.is_empty()) {
            self.problems.push(format!("{name}: a client result has neither delivery class nor key"));
        }
        if is_push && options.deadline_ms != 0 {
            self.problems.push(format!("{name}: a push has no deadline"));
        }
        let kind = if is_push {
            self.push_kind(method, &options)
        } else {
            ReceiverKind::ClientResult { deadline_ms: options.deadline_ms }
        };
        Some(ReceiverMethod { signature, kind })
    }

    fn push_kind(&mut self, method: &MethodDescriptor, options: &MethodOptions) -> ReceiverKind {
        let delivery = match options.delivery {
            1 => Delivery::Latest,
            2 => Delivery::Unreliable,
            _ => Delivery::Reliable,
        };
        let key = match options.key.as_str() {
            "" => None,
            _ if delivery == Delivery::Reliable => {
                self.problems.push(format!("{}: a RELIABLE push has no key", method.full_name()));
                None
            }
            key => self.key_field(method, key),
        };
        ReceiverKind::Push { delivery, key }
    }

    fn key_field(&mut self, method: &MethodDescriptor, key: &str) -> Option<KeyField> {
        let message = method.input();
        let kind = message.get_field_by_name(key).and_then(|field| key_kind(&field));
        if kind.is_none() {
            let name = method.full_name();
            let message = message.full_name();
            self.problems.push(format!("{name}: `{key}` is no number, text or bytes field of {message}"));
        }
        Some(KeyField { name: key.to_owned(), kind: kind? })
    }

    fn signature(&mut self, method: &MethodDescriptor, options: &MethodOptions) -> Option<Signature> {
        let full_name = fingerprint::method_path(method);
        if method.is_client_streaming() || method.is_server_streaming() {
            self.problems.push(format!("{full_name}: hub and receiver methods do not stream"));
            return None;
        }
        let id = if options.method_id == 0 { fingerprint::method_id(&full_name) } else { options.method_id };
        Some(Signature {
            name: method.name().to_owned(),
            id,
            comment: comment_at(&method.parent_file(), method.path()),
            request: message_name(&method.input()),
            reply: message_name(&method.output()),
            full_name,
        })
    }
}

/// `None` for what cannot be compared exactly or has no single value.
fn key_kind(field: &FieldDescriptor) -> Option<KeyKind> {
    if field.is_list() || field.is_map() || field.supports_presence() {
        return None;
    }
    match field.kind() {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 | Kind::Sint64 => Some(KeyKind::Number),
        Kind::Fixed32 | Kind::Fixed64 | Kind::Sfixed32 | Kind::Sfixed64 | Kind::Enum(_) => Some(KeyKind::Number),
        Kind::Bool => Some(KeyKind::Number),
        Kind::String | Kind::Bytes => Some(KeyKind::Bytes),
        Kind::Float | Kind::Double | Kind::Message(_) => None,
    }
}

fn message_name(message: &MessageDescriptor) -> MessageName {
    MessageName {
        package: message.package_name().to_owned(),
        name: message.name().to_owned(),
        full_name: message.full_name().to_owned(),
    }
}

/// The comment that stands above a declaration, its lines trimmed.
fn comment_at(file: &prost_reflect::FileDescriptor, path: &[i32]) -> String {
    let file = file.file_descriptor_proto();
    let mut locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comment = locations.find(|location| location.path == path).and_then(|l| l.leading_comments.as_deref());
    comment.unwrap_or_default().lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().to_owned()
}
