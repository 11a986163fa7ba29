//! An import: begun with the header of a file and its trailer, continued with lines in their order, and finished, which
//! creates the project. Until then nothing of it can be used, and it can be dropped.

use std::collections::{BTreeMap, BTreeSet};

use ltlm_protocol::read::{Problems, Reader};
use ltlm_protocol::request::operation_id;
use ltlm_protocol::transfer::{Chain, DroppedData, FORMAT, HEADER, Span, Summary, TRAILER, VERSION};
use ltlm_protocol::{Body, limits};
use serde_json::{Value, json};

use crate::domain::admin::transfer::{self, Known, Lines, References};
use crate::keys::Purpose;
use crate::model::denied::Denied;
use crate::model::import::{Import, ImportState};
use crate::model::project::Project;
use crate::model::record::Record;
use crate::model::write::Write;
use crate::service::admin::operation::{AdminCall, AdminChange, Found, Part, find, once};
use crate::service::admin::projects::{self, NewSecret};
use crate::service::admin::transfer::sealed;
use crate::service::app::{App, Budget, Error};
use crate::service::retry::Absorb;
use crate::service::{ids, retry, transact};
use crate::table::port::{Read, Table, Walk};
use crate::table::transfer as file;

/// Lines of a file's head at most: header, project, keys.
const HEAD_MAX: usize = 3;
/// Records that are removed together.
const REMOVED_TOGETHER: usize = 90;
/// Kept of the budget, in milliseconds, for what was begun.
const RESERVE_MS: u64 = 2_000;
/// Parts of the table that one call looks through for what an import left.
const PARTS_MAX: usize = 20;

/// `POST …/import`
#[derive(Clone, Debug)]
pub struct BeginImport {
    /// The file's head: header, project, and keys if there are any.
    pub head: Vec<Value>,
    /// What the file's lines add up to.
    pub summary: Summary,
    /// The project, as it is in the file.
    pub project: Project,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// The body of `POST …/import`, before its lines are looked at.
#[derive(Debug)]
pub struct ImportHead {
    lines: Option<Value>,
    trailer: Option<Value>,
    operation_id: Option<String>,
}

impl Body for ImportHead {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("lines");
        r.require("trailer");
        Self { lines: r.value("lines").cloned(), trailer: r.value("trailer").cloned(), operation_id: operation_id(r) }
    }

    fn keywords() -> Value {
        json!({"properties": {
            "lines": {
                "type": "array", "minItems": 2, "maxItems": HEAD_MAX,
                "prefixItems": [line(Some(HEADER)), line(Some("project")), line(Some("keys"))], "items": line(None),
                "description": "The first lines of the file: header, project, and keys if there are any.",
            },
            "trailer": line(Some(TRAILER)),
        }})
    }
}

/// What a schema says of a line of an export, of this kind if it is named.
fn line(kind: Option<&str>) -> Value {
    let kind = kind.map_or(json!({"type": "string"}), |kind| json!({ "const": kind }));
    json!({"type": "object", "required": ["kind"], "properties": {"kind": kind}, "additionalProperties": true})
}

impl BeginImport {
    /// Parses the body, of an import of this project.
    pub fn parse_of(body: &Value, project_id: &str) -> Result<Self, Problems> {
        let ImportHead { lines: head, trailer, operation_id } = ImportHead::parse(body)?;
        let head = match head {
            Some(Value::Array(head)) if (2..=HEAD_MAX).contains(&head.len()) => head,
            _ => {
                return Err(Problems::one("lines", "must be the lines of the header, of the project, and of its keys"));
            }
        };
        check_header(&head[0], project_id)?;
        let project = match file::parse(&head[1]) {
            Ok(Record::Project(project)) => project,
            Ok(_) => return Err(Problems::one("lines[1]", "must be the project")),
            Err(problem) => return Err(Problems::one("lines[1]", problem)),
        };
        if project.id != project_id || !transfer::is_project_id(project_id) {
            return Err(Problems::one("lines[1]", "is of another project"));
        }
        if !(1..=limits::IMPORT_NUMBER_MAX).contains(&project.number) {
            return Err(Problems::one("lines[1]", "has a number that no project has"));
        }
        if !project.secrets.is_empty() || project.wrapped != Default::default() {
            return Err(Problems::one("lines[1]", "must not hold a key"));
        }
        if head.get(2).is_some_and(|line| !sealed::is_keys(line)) {
            return Err(Problems::one("lines[2]", "must be the keys"));
        }
        let summary = parse_trailer(trailer.unwrap_or_default())?;
        Ok(Self { head, summary, project, operation_id })
    }
}

fn check_header(line: &Value, project_id: &str) -> Result<(), Problems> {
    let problem = match () {
        () if line["kind"] != HEADER || line["format"] != FORMAT => "must be the header of a project's export",
        () if line["version"] != VERSION => "is of a format that this deployment does not read",
        () if line["projectId"] != project_id => "is of another project",
        () => return Ok(()),
    };
    Err(Problems::one("lines[0]", problem))
}

fn parse_trailer(mut line: Value) -> Result<Summary, Problems> {
    let problem = |text: &str| Problems::one("trailer", text);
    let members = line.as_object_mut().ok_or_else(|| problem("must be a JSON object"))?;
    if members.shift_remove("kind") != Some(Value::from(TRAILER)) {
        return Err(problem("must be the trailer of a project's export"));
    }
    let summary: Summary =
        serde_json::from_value(line).map_err(|_| problem("must be the trailer of a project's export"))?;
    let spans = [summary.policies, summary.licenses];
    let is_sound = |span: &Span| span.first >= 1 && span.last >= span.first && span.last <= limits::IMPORT_NUMBER_MAX;
    let is_hash = summary.sha256.len() == 64 && summary.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    match is_hash && spans.iter().flatten().all(is_sound) && summary.counts.len() <= 100 && summary.lines >= 2 {
        true => Ok(summary),
        false => Err(problem("adds up to what no export does")),
    }
}

/// Begins an import, or returns its progress if the import of the same file was begun before.
pub async fn begin<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &BeginImport,
    act: &AdminCall,
) -> Result<(Import, bool), Error> {
    act.by.may_everywhere()?;
    let id = command.project.id.clone();
    let reads = [vec![Read::Project(id.clone()), Read::Import(id.clone())], act.known(0)].concat();
    let found = find(app, budget, &reads).await?;
    act.replay(&found.done)?;
    if let Some(known) = begun(&found, command)? {
        return Ok((known, true));
    }
    let import = new_import(app, budget, command, act).await?;
    let deed = |found: &Found| {
        begun(found, command)?;
        let write = Write::BeginImport { import: Box::new(import.clone()) };
        Ok(AdminChange { made: vec![import.id.clone()], writes: vec![write] })
    };
    once(app, budget, act, Part::whole(), &reads[..2], deed).await?;
    let found = find(app, budget, &[Read::Import(id)]).await?;
    Ok((found.import.ok_or(Denied::ImportNotFound)?, false))
}

/// The import of the same file, if there is one. Another one, or a project, is refused.
fn begun(found: &Found, command: &BeginImport) -> Result<Option<Import>, Denied> {
    match &found.import {
        Some(known) if known.summary == command.summary && known.state != ImportState::Dropping => {
            Ok(Some(known.clone()))
        }
        _ if found.project.is_some() => Err(Denied::ProjectExists),
        Some(_) => Err(Denied::ImportInProgress),
        None => Ok(None),
    }
}

async fn new_import<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    command: &BeginImport,
    act: &AdminCall,
) -> Result<Import, Error> {
    let (project, webhooks) = match command.head.get(2) {
        Some(line) => {
            let opened = sealed::open(app, budget, command.project.clone(), line, act.now).await?;
            (opened.project, opened.webhooks)
        }
        None => (projects::with_new_keys(app, command.project.clone(), act).await?, Vec::new()),
    };
    let own = Span { first: project.number, last: project.number };
    let project = Project { number: project.number + shift(app, budget, "project", Some(own)).await?, ..project };
    let counts = command.head.iter().filter_map(|line| line["kind"].as_str()).map(|kind| (kind.to_owned(), 1));
    Ok(Import {
        id: format!("imp_{}", &ids::nonce(app.entropy.as_ref())[..16]),
        with_keys: command.head.len() > 2,
        summary: command.summary.clone(),
        taken: command.head.len() as i64,
        chain: command.head.iter().fold(Chain::default(), Chain::and),
        counts: counts.collect(),
        policies_shifted: shift(app, budget, "policy", command.summary.policies).await?,
        licenses_shifted: shift(app, budget, "license", command.summary.licenses).await?,
        webhook_keys: webhooks.into_iter().collect(),
        state: ImportState::Open,
        begun_at: act.now,
        project,
    })
}

/// The amount that is added to numbers of `kind`: 0 if this deployment has not assigned such high numbers; otherwise as
/// many of its next numbers are reserved.
async fn shift<T: Table>(app: &App<T>, budget: &Budget<'_>, kind: &str, span: Option<Span>) -> Result<i64, Error> {
    let Some(span) = span else { return Ok(0) };
    let claim = || async { Ok(app.table.claim(kind, span, budget.meter).await?) };
    match retry::read(app, budget, claim).await? {
        true => Ok(0),
        false => Ok(transact::reserve(app, budget, kind, span.count()).await? - span.first),
    }
}

/// `POST …/import/lines`
#[derive(Clone, Debug)]
pub struct TakeLines {
    /// The lines, and the position of the first one.
    pub lines: Lines,
    /// The caller's operation id.
    pub operation_id: Option<String>,
}

/// The body of `POST …/import/lines`, before its lines are looked at.
#[derive(Debug)]
pub struct ImportLines {
    from: i64,
    lines: Option<Value>,
    operation_id: Option<String>,
}

impl Body for ImportLines {
    fn read(r: &mut Reader<'_>) -> Self {
        r.require("lines");
        Self {
            from: r.int("from", 0, i64::from(i32::MAX)),
            lines: r.value("lines").cloned(),
            operation_id: operation_id(r),
        }
    }

    fn keywords() -> Value {
        json!({"properties": {
            "from": {"description": "The place of the first of these lines in the file, counted from 0."},
            "lines": {"type": "array", "minItems": 1, "maxItems": limits::IMPORT_ITEMS_MAX, "items": line(None)},
        }})
    }
}

impl TakeLines {
    /// Parses the body. `reaches_anything`: webhooks may lead into the deployment's own network.
    pub fn parse_for(body: &Value, reaches_anything: bool) -> Result<Self, Problems> {
        let ImportLines { from, lines, operation_id } = ImportLines::parse(body)?;
        let lines = match lines {
            Some(Value::Array(lines)) if !lines.is_empty() && lines.len() <= limits::IMPORT_ITEMS_MAX => lines,
            _ => {
                let problem = format!("must be 1 to {} lines", limits::IMPORT_ITEMS_MAX);
                return Err(Problems::one("lines", problem));
            }
        };
        let (mut all, mut places) = (0, BTreeSet::new());
        let parsed = lines.into_iter().enumerate().map(|(index, line)| {
            let at = |problem: String| Problems::one(format!("lines[{index}]"), problem);
            let bytes = line.to_string().len();
            all += bytes;
            if bytes > limits::IMPORT_LINE_BYTES_MAX {
                return Err(at(format!("has more than {} bytes", limits::IMPORT_LINE_BYTES_MAX)));
            }
            let record = file::parse(&line).map_err(at)?;
            if !places.insert((line["pk"].to_string(), line["sk"].to_string())) {
                return Err(at("stands there twice".to_owned()));
            }
            Ok((line, record))
        });
        let lines = Lines { from, lines: parsed.collect::<Result<_, _>>()?, reaches_anything };
        if lines.lines.len() > 1 && all > limits::IMPORT_BYTES_MAX {
            return Err(Problems::one("lines", format!("have more than {} bytes", limits::IMPORT_BYTES_MAX)));
        }
        if lines.items() > limits::IMPORT_ITEMS_MAX {
            let problem = format!("become more than {} items, a license being two", limits::IMPORT_ITEMS_MAX);
            return Err(Problems::one("lines", problem));
        }
        Ok(Self { lines, operation_id })
    }
}

impl Absorb for Known {
    fn absorb(&mut self, record: Record) -> bool {
        match record {
            Record::Import(import) => self.import = Some(import),
            // Nothing but the import itself is there that these writes look for.
            record => self.in_the_way = Some(sealed::kind_of(&record)),
        }
        true
    }
}

/// Imports the next lines, all of them or none. Lines that were imported before change nothing.
pub async fn take<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    lines: &Lines,
) -> Result<Import, Error> {
    let known = retry::read(app, budget, || known(app, budget, project_id, lines)).await?;
    let mut new_keys = BTreeMap::new();
    if let Some(import) = &known.import {
        for (_, record) in &lines.lines {
            if let Record::Webhook(webhook) = record
                && webhook.disabled_at.is_none()
                && !import.webhook_keys.contains_key(&webhook.id)
            {
                let made = app.kms()?.make(project_id, Purpose::Webhook).await?;
                new_keys.insert(webhook.id.clone(), made.wrapped);
            }
        }
    }
    let load = || known_again(app, budget, project_id, lines);
    transact::act_on(app, budget, Some(known), load, |known: &Known| transfer::take(known, lines, &new_keys)).await
}

async fn known_again<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    lines: &Lines,
) -> Result<Known, Error> {
    Box::pin(known(app, budget, project_id, lines)).await
}

/// What is known of what the lines name.
async fn known<T: Table>(app: &App<T>, budget: &Budget<'_>, project_id: &str, lines: &Lines) -> Result<Known, Error> {
    let records = app.table.read(&[Read::Import(project_id.to_owned())], budget.meter).await?;
    let mut known = Known { import: records.into_iter().find_map(Record::import), ..Known::default() };
    // What was taken already, or does not come next, is told without looking further.
    let Some(import) = known.import.as_ref().filter(|import| import.taken == lines.from) else { return Ok(known) };
    let mut reads = Vec::new();
    for record in transfer::records(import, lines)? {
        let References { licenses, orders, policies, .. } = transfer::references(&record);
        reads.extend(licenses.into_iter().map(Read::License));
        reads.extend(orders.into_iter().map(Read::Order));
        reads.extend(policies.into_iter().map(Read::Policy));
    }
    let found = if reads.is_empty() { Vec::new() } else { app.table.read(&reads, budget.meter).await? };
    for record in found {
        match record {
            Record::License(license) => drop(known.licenses.insert(license.id, license.project_id)),
            Record::Order(order) => drop(known.orders.insert(order.id, order.project_id)),
            Record::Policy(policy) => drop(known.policies.insert(policy.number, policy.project_id)),
            _ => {}
        }
    }
    Ok(known)
}

/// How far an import has come.
pub async fn get<T: Table>(app: &App<T>, budget: &Budget<'_>, project_id: &str) -> Result<Import, Error> {
    let found = find(app, budget, &[Read::Import(project_id.to_owned())]).await?;
    Ok(found.import.ok_or(Denied::ImportNotFound)?)
}

/// What finishing an import came to.
pub struct Finished {
    /// The project.
    pub project: Project,
    /// Its new secret, if its keys did not come with the file.
    pub secret: Option<NewSecret>,
    /// It had been finished before.
    pub replayed: bool,
}

/// Creates the project, if all lines were imported as they were exported.
pub async fn finish<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    act: &AdminCall,
) -> Result<Finished, Error> {
    act.by.may_everywhere()?;
    let reads = [Read::Import(project_id.to_owned()), Read::Project(project_id.to_owned())];
    let found = find(app, budget, &reads).await?;
    let import = found.import.ok_or(Denied::ImportNotFound)?;
    let mut replayed = import.state == ImportState::Finished;
    if !replayed {
        let deed = |found: &Found| {
            let import = found.import.as_ref().ok_or(Denied::ImportNotFound)?;
            match import.state {
                ImportState::Open => import.check_whole()?,
                ImportState::Dropping => return Err(Denied::ImportInProgress),
                // Somebody else did, meanwhile, under another id.
                ImportState::Finished => return Err(Denied::ProjectExists),
            }
            if found.project.is_some() {
                return Err(Denied::ProjectExists);
            }
            if found.is_secret_taken {
                return Err(Denied::ImportTaken { what: "secret" });
            }
            let project = import.project.clone();
            let secrets = project.secrets.iter().map(|secret| Write::AddSecret {
                hash: secret.hash.clone(),
                project_id: project_id.to_owned(),
                created_at: secret.created_at,
            });
            let mut writes: Vec<_> = secrets.collect();
            writes.push(Write::AddProject { project });
            let (import, state) = (Box::new(import.clone()), ImportState::Finished);
            writes.push(Write::SetImportState { import, state, at: act.now });
            Ok(AdminChange { made: vec![project_id.to_owned()], writes })
        };
        replayed = once(app, budget, act, Part::whole(), &reads, deed).await?.is_some();
    }
    let secret = match import.with_keys {
        true => None,
        false => Some(projects::replayed_answer(app, budget, project_id, None).await?),
    };
    Ok(Finished { project: projects::get(app, budget, project_id).await?, secret, replayed })
}

/// Removes what an import wrote, as much as one call can, and then the import. Returns where the next call continues,
/// and whether an earlier call under the same id began it. What was removed stays removed.
pub async fn drop_some<T: Table>(
    app: &App<T>,
    budget: &Budget<'_>,
    project_id: &str,
    from: Option<String>,
    act: &AdminCall,
) -> Result<(DroppedData, bool), Error> {
    act.by.may_everywhere()?;
    let reads = [Read::Import(project_id.to_owned())];
    let deed = |found: &Found| {
        let import = found.import.as_ref().ok_or(Denied::ImportNotFound)?;
        let writes = match import.state {
            ImportState::Finished => return Err(Denied::ImportNotFound),
            ImportState::Dropping => Vec::new(),
            ImportState::Open => {
                let (import, state) = (Box::new(import.clone()), ImportState::Dropping);
                vec![Write::SetImportState { import, state, at: act.now }]
            }
        };
        Ok(AdminChange { made: vec![import.id.clone()], writes })
    };
    let earlier = once(app, budget, act, Part::whole(), &reads, deed).await?;
    let replayed = earlier.is_some();
    let import = find(app, budget, &reads).await?.import;
    // An earlier call under this id may have come to the end.
    let Some(import) = import.filter(|import| earlier.is_none_or(|made| made.first() == Some(&import.id))) else {
        return Ok((DroppedData { removed: 0, done: true, next_cursor: None }, replayed));
    };
    let (walk, mut removed, mut place) = (Walk::Imported(import.id.clone()), 0, from);
    for _ in 0..PARTS_MAX {
        let after = place.take();
        let part = || async { Ok(app.table.walk(&walk, after.as_deref(), budget.meter).await?) };
        let walked = retry::read(app, budget, part).await?;
        for together in walked.records.chunks(REMOVED_TOGETHER) {
            remove(app, budget, together, &import.id).await?;
            removed += together.len() as i64;
        }
        place = walked.next;
        if place.is_none() || app.sleep.elapsed_ms() + RESERVE_MS >= budget.until_ms {
            break;
        }
    }
    if place.is_some() {
        return Ok((DroppedData { removed, done: false, next_cursor: place }, replayed));
    }
    let forget = [Write::RemoveImport { project_id: project_id.to_owned(), id: import.id.clone() }];
    retry::read(app, budget, || async { Ok(app.table.commit(&forget, None, budget.meter).await?) }).await?;
    Ok((DroppedData { removed, done: true, next_cursor: None }, replayed))
}

async fn remove<T: Table>(app: &App<T>, budget: &Budget<'_>, records: &[Record], import: &str) -> Result<(), Error> {
    let removal =
        |record: &Record| Write::RemoveImported { record: Box::new(record.clone()), import: import.to_owned() };
    let writes: Vec<_> = records.iter().map(removal).collect();
    retry::read(app, budget, || async { Ok(app.table.commit(&writes, None, budget.meter).await?) }).await
}
