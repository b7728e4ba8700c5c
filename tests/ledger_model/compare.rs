//! Every row and every index of the ledger's state beside the model's.

use authledger::{commands::View, ledger::live::Receipt, vault::login::LoginName};
use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{DataStoreId, OAuthAppId, Sequence, TenantId, UserId},
    sealed::KeyId,
};
use projections::{State, oauth_apps::OAuthApp, streams::StreamHead};

use crate::{
    data_sources,
    house::House,
    limits, lives,
    model::Model,
    oauth_profiles,
    requests::{AUTHORIZE_URI, CLIENT_ID, Request, SCOPE, TOKEN_URI, login_name},
    roles,
    rules::{About, Fact},
    settings, sharing, tenants, users,
};

macro_rules! same {
    ($actual:expr, $expected:expr, $($what:tt)+) => {
        let (actual, expected) = ($actual, $expected);
        if actual != expected {
            return Err(format!("{}: {actual:?}, the model says {expected:?}", format!($($what)+)));
        }
    };
}

pub(crate) use same;

/// The state that readers see, and the login index beside it.
pub(crate) fn compare(model: &Model, house: &House) -> Result<(), String> {
    same!(house.ledger().size(), model.size(), "size");
    house.ledger().read(|view| {
        compare_state(model, &view.state)?;
        compare_logins(model, house, view)
    })
}

fn compare_logins(model: &Model, house: &House, view: &View<'_>) -> Result<(), String> {
    same!(view.logins.all().count(), model.users.len(), "number of logins");
    let vault = house.ledger().vault();
    for (row, key) in model.users.iter().map(|row| (row.id, row.name.key_id)) {
        same!(vault.data_key(&key).is_ok(), true, "whether the key of user {row} lives");
    }
    for row in &model.clients.rows {
        same!(
            vault.data_key(&row.key).is_ok(),
            true,
            "whether the key of client application {} lives",
            row.id
        );
    }
    for (kind, owner, key) in &model.ended {
        same!(vault.data_key(key).is_ok(), true, "whether the key of a {kind} that user {owner} had lives");
    }
    for key in &model.destroyed {
        same!(vault.data_key(key).is_err(), true, "whether the key {key} is gone");
    }
    for number in 0..8 {
        let name = login_name(number, number % 2 == 0);
        let tag = house.ledger().vault().login_tag(&LoginName::parse(&name).expect("a good name"));
        let expected = model.users.iter().find(|user| user.login == name.to_lowercase());
        same!(view.logins.get(&tag).copied(), expected.map(|user| UserId(user.id)), "login of {name}");
    }
    Ok(())
}

/// The fold alone.
pub(crate) fn compare_state(model: &Model, state: &State<'_>) -> Result<(), String> {
    log(model, state)?;
    streams(model, state)?;
    idempotency(model, state)?;
    tenants::compare(model, state)?;
    roles::compare(model, state)?;
    users::compare(model, state)?;
    sharing::compare(model, state)?;
    limits::compare(model, state)?;
    settings::compare(model, state)?;
    apps(model, state)?;
    oauth_profiles::compare(model, state)?;
    data_sources::compare(model, state)?;
    lives::compare(model, state)?;
    ended(model, state)
}

fn ended(model: &Model, state: &State<'_>) -> Result<(), String> {
    for (kind, actual) in [
        (StreamKind::DATA_SOURCE, &state.data_sources.ended),
        (StreamKind::OAUTH_PROFILE, &state.oauth_profiles.ended),
        (StreamKind::CLIENT_APPLICATION, &state.client_applications.ended),
    ] {
        let expected = model.ended.iter().filter(|(of, _, _)| *of == kind);
        let mut expected: Vec<(UserId, KeyId)> =
            expected.map(|(_, owner, key)| (UserId(*owner), *key)).collect();
        expected.sort();
        let actual: Vec<(UserId, KeyId)> = actual.all().map(|(key, ())| *key).collect();
        same!(actual, expected, "keys of every {kind} that is gone");
    }
    Ok(())
}

fn log(model: &Model, state: &State<'_>) -> Result<(), String> {
    same!(state.log.size(), model.size(), "size of the fold");
    let last = model.log.last().map(|(_, at)| *at);
    same!(state.log.position.get(&()).map(|position| position.recorded_at), last, "time of the last event");
    for (kind, given) in [
        (StreamKind::TENANT, model.tenants_ever),
        (StreamKind::ROLE, model.roles_ever),
        (StreamKind::USER, model.users_ever),
        (StreamKind::OAUTH_APP, model.apps_ever),
        (StreamKind::OAUTH_PROFILE, model.profiles_ever),
        (StreamKind::DATA_SOURCE, model.sources_ever),
        (StreamKind::CLIENT_APPLICATION, model.clients.ever),
        (StreamKind::GRANT, model.clients.grants_ever),
    ] {
        same!(state.log.next_id(kind), given + 1, "next id of {kind}");
    }
    Ok(())
}

fn streams(model: &Model, state: &State<'_>) -> Result<(), String> {
    let mut streams: Vec<Stream> = model.log.iter().map(|(stream, _)| *stream).collect();
    streams.sort();
    streams.dedup();
    same!(state.streams.heads.all().count(), streams.len(), "number of streams");
    for stream in streams {
        let events = (0..).zip(&model.log).filter(|(_, (of, _))| *of == stream);
        let sequences: Vec<u64> = events.map(|(sequence, _)| sequence).collect();
        let head = sequences
            .last()
            .map(|last| StreamHead { version: sequences.len() as u64 - 1, sequence: Sequence(*last) });
        same!(state.streams.heads.get(&stream).copied(), head, "head of {stream}");
    }
    Ok(())
}

fn idempotency(model: &Model, state: &State<'_>) -> Result<(), String> {
    let remembered = model.remembered();
    same!(state.idempotency.requests.all().count(), remembered.len(), "number of remembered requests");
    same!(state.idempotency.by_time.all().count(), remembered.len(), "number of requests in order of time");
    for done in remembered {
        let row = state.idempotency.requests.get(&done.tags.key);
        let row = row.map(|row| (row.request, row.first.0, row.count, row.recorded_at));
        same!(row, Some((done.tags.request, done.first, done.count, done.at)), "a remembered request");
        let in_time = state.idempotency.by_time.get(&(done.at, Sequence(done.first)));
        same!(in_time, Some(&done.tags.key), "a request in order of time");
    }
    Ok(())
}

fn apps(model: &Model, state: &State<'_>) -> Result<(), String> {
    let apps = &state.oauth_apps;
    same!(apps.rows.all().count(), model.apps.len(), "number of applications");
    same!(apps.by_name.all().count(), model.apps.len(), "number of application names");
    same!(apps.by_tenant.all().count(), model.apps.len(), "number of applications of tenants");
    for row in &model.apps {
        let id = OAuthAppId(row.id);
        let expected = OAuthApp {
            tenant: TenantId(row.tenant),
            name: row.name.clone(),
            data_store: DataStoreId(row.store),
            description: row.description.clone(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: row.secret.clone(),
            authorize_uri: AUTHORIZE_URI.to_owned(),
            token_uri: TOKEN_URI.to_owned(),
            scope: SCOPE.to_owned(),
            changed: Sequence(row.changed),
        };
        same!(apps.rows.get(&id).map(|row| &**row), Some(&expected), "application {id}");
        same!(apps.by_name.get(&(TenantId(row.tenant), row.name.clone())), Some(&id), "application by name");
    }
    for tenant in 0..10 {
        for after in [0, 2] {
            let expected = model.apps.iter().filter(|app| app.tenant == tenant && app.id > after);
            let expected: Vec<OAuthAppId> = expected.map(|app| OAuthAppId(app.id)).collect();
            let actual: Vec<OAuthAppId> = apps.of_tenant(TenantId(tenant), OAuthAppId(after)).collect();
            same!(actual, expected, "applications of tenant {tenant} after {after}");
        }
    }
    Ok(())
}

/// The events of a receipt: what they are, whose, and where they stand.
pub(crate) fn compare_events(
    model: &Model,
    request: &Request,
    facts: &[Fact],
    receipt: &Receipt,
) -> Result<(), String> {
    same!(receipt.command_id, request.id, "id of the command");
    same!(receipt.events.len(), facts.len(), "number of events");
    same!(receipt.last.0, model.size() + facts.len() as u64 - 1, "last event");
    for (index, (envelope, fact)) in receipt.events.iter().zip(facts).enumerate() {
        let header = &envelope.header;
        let sequence = model.size() + index as u64;
        let (kind, _) = envelope.event.kind();
        same!(kind.name(), Some(fact.name), "event {index}");
        let about = match &envelope.event {
            Event::DataSourceProfileCleared(cleared) => About::Profile(cleared.profile.0),
            Event::SnapshotTaken(taken) => About::Snapshot(taken.size),
            Event::SecretRevealed(shown) => {
                About::Shown(shown.object, shown.object_sequence.0, shown.fields.to_vec())
            }
            event if matches!(fact.about, About::Says(_)) => About::Says(Box::new(event.clone())),
            _ => About::Nothing,
        };
        same!(about, fact.about.clone(), "what event {index} says");
        same!(
            (header.tenant.0, header.stream),
            (fact.tenant, fact.stream),
            "tenant and stream of event {index}"
        );
        same!(
            (header.sequence.0, header.recorded_at),
            (sequence, model.now),
            "place and time of event {index}"
        );
        let earlier =
            model.log.iter().map(|(stream, _)| *stream).chain(facts[..index].iter().map(|fact| fact.stream));
        let earlier: Vec<u64> = (0..)
            .zip(earlier)
            .filter(|(_, stream)| *stream == fact.stream)
            .map(|(sequence, _)| sequence)
            .collect();
        same!(header.stream_version, earlier.len() as u64, "stream version of event {index}");
        same!(
            header.stream_previous.map(|previous| previous.0),
            earlier.last().copied(),
            "event before {index}"
        );
        same!(header.actor, request.by, "actor of event {index}");
        same!(header.on_behalf_of.map(|user| user.0), request.behalf, "whom event {index} was for");
        same!(
            (header.command_id, header.command_index as usize),
            (request.id, index),
            "command of event {index}"
        );
        same!(header.command_count as usize, facts.len(), "length of the command of event {index}");
        let tagged = index == 0 && request.key.is_some();
        same!(header.idempotency.is_some(), tagged, "idempotency tags of event {index}");
    }
    Ok(())
}
