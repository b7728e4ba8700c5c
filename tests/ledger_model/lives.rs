//! The rows and indexes of client applications, grants and tokens beside the model's, and what `oauth::live` says of every code
//! and token there ever was (TOKENS section 5).

use authledger::oauth::live::{
    live_access, live_family, refresh_ends, unended_access, unended_code, unended_family,
};
use events::id::{ClientApplicationId, GrantId, ScopeSetId, Sequence, TenantId, UserId};
use projections::{
    State, client_applications as clients, grants,
    table::Table,
    tokens::{self, Subject, TokenKey},
};

use crate::{
    clients::Client,
    compare::same,
    model::Model,
    tokens::{Access, Code, Family},
};

/// All of a table.
fn all<K: Ord + Clone, V: Clone>(table: &Table<'_, K, V>) -> Vec<(K, V)> {
    table.all().map(|(key, row)| (key.clone(), row.clone())).collect()
}

/// In the order in which a table has them.
fn sorted<K: Ord, V>(rows: impl IntoIterator<Item = (K, V)>) -> Vec<(K, V)> {
    let mut rows: Vec<(K, V)> = rows.into_iter().collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows
}

/// A row for each of these, no more and no less; the first that differs is said.
fn rows<K, Shared, V>(what: &str, table: &Table<'_, K, Shared>, expected: Vec<(K, V)>) -> Result<(), String>
where
    K: Ord + Clone + std::fmt::Debug,
    Shared: std::borrow::Borrow<V> + Clone,
    V: PartialEq + std::fmt::Debug,
{
    let (actual, expected) = (all(table), sorted(expected));
    for ((actual, row), (key, other)) in actual.iter().zip(&expected) {
        same!((actual, row.borrow()), (key, other), "{what}");
    }
    same!(actual.len(), expected.len(), "number of rows of {what}");
    Ok(())
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    applications(model, state)?;
    allowed(model, state)?;
    sets(model, state)?;
    codes(model, state)?;
    families(model, state)?;
    access(model, state)
}

fn applications(model: &Model, state: &State<'_>) -> Result<(), String> {
    let (table, ours) = (&state.client_applications, &model.clients.rows);
    let row = |row: &Client| clients::ClientApplication {
        tenant: TenantId(row.tenant),
        owner: UserId(row.owner),
        name: row.name.clone(),
        description: row.description.clone(),
        redirect_urls: row.redirect_urls.clone(),
        client_id: row.known_as.clone(),
        key_id: row.key,
        secret: row.secret.clone(),
        previous_secret: row.previous.map(|(hash, until)| clients::PreviousSecret { hash, until }),
        policy: row.policy.clone(),
        ended: row.ended.map(Sequence),
        changed: Sequence(row.changed),
    };
    let id = |row: &Client| ClientApplicationId(row.id);
    rows(
        "client applications",
        &table.rows,
        ours.iter().map(|one| (id(one), std::sync::Arc::new(row(one)))).collect(),
    )?;
    same!(
        all(&table.by_client_id),
        sorted(ours.iter().map(|row| (row.known_as.clone(), id(row)))),
        "client ids"
    );
    same!(
        all(&table.by_owner),
        sorted(ours.iter().map(|row| ((UserId(row.owner), id(row)), ()))),
        "applications of owners"
    );
    let by_name = ours.iter().map(|row| ((UserId(row.owner), row.name.clone()), id(row)));
    same!(all(&table.by_name), sorted(by_name), "names of client applications");
    let by_tenant = ours.iter().map(|row| ((TenantId(row.tenant), id(row)), ()));
    same!(all(&table.by_tenant), sorted(by_tenant), "client applications of tenants");
    let by_resource =
        ours.iter().filter_map(|row| Some(((row.policy.resource_server.clone()?, id(row)), ())));
    same!(all(&table.by_resource), sorted(by_resource), "client applications that are a resource");
    Ok(())
}

fn allowed(model: &Model, state: &State<'_>) -> Result<(), String> {
    let ours = &model.clients.grants;
    let expected = ours.iter().map(|row| {
        let grant = grants::Grant {
            tenant: TenantId(row.tenant),
            user: UserId(row.user),
            client: ClientApplicationId(row.client),
            scopes: row.scopes.clone(),
            allowed: Sequence(row.allowed),
            changed: Sequence(row.changed),
        };
        (GrantId(row.id), std::sync::Arc::new(grant))
    });
    rows("grants", &state.grants.rows, expected.collect())?;
    let of_user =
        ours.iter().map(|row| ((UserId(row.user), ClientApplicationId(row.client)), GrantId(row.id)));
    same!(all(&state.grants.of_user), sorted(of_user), "grants of users");
    let by_client = ours.iter().map(|row| ((ClientApplicationId(row.client), GrantId(row.id)), ()));
    same!(all(&state.grants.by_client), sorted(by_client), "grants of client applications");
    Ok(())
}

fn sets(model: &Model, state: &State<'_>) -> Result<(), String> {
    let ours = || (1..).map(ScopeSetId).zip(model.clients.sets.iter().cloned().map(std::sync::Arc::new));
    same!(all(&state.tokens.scope_sets), ours().collect::<Vec<_>>(), "sets of scopes");
    same!(all(&state.tokens.by_content), sorted(ours().map(|(id, set)| (set, id))), "numbers of sets");
    same!(state.tokens.next_scope_set().0 as usize, model.clients.sets.len() + 1, "next number of a set");
    let last = model.log.last().map(|(_, at)| *at);
    same!(state.tokens.folded_at.get(&()).copied(), last, "up to when tokens have left");
    Ok(())
}

fn codes(model: &Model, state: &State<'_>) -> Result<(), String> {
    let row = |row: &Code| {
        let code = tokens::Code {
            grant: GrantId(row.grant),
            sequence: Sequence(row.sequence),
            redirect_uri: row.redirect_uri.clone(),
            challenge: row.challenge,
            scope_set: row.set,
            expires_at: row.expires_at,
            redeemed: row.redeemed,
            replayed: row.replayed,
        };
        (TokenKey::from(&row.hash), std::sync::Arc::new(code))
    };
    let there = || model.clients.codes.iter().filter(|row| !row.fate.gone);
    rows("codes", &state.tokens.codes, there().map(row).collect())?;
    let by_end = there().map(|row| ((row.expires_at, TokenKey::from(&row.hash)), ()));
    same!(all(&state.tokens.codes_by_end), sorted(by_end), "codes in order of their ends");
    for row in &model.clients.codes {
        let stands = unended_code(state, &row.hash).map(|(_, grant)| grant.user.0);
        same!(
            stands,
            row.fate.is_open().then_some(row.user),
            "whose code {} is, if it has not ended",
            row.hash
        );
    }
    Ok(())
}

fn families(model: &Model, state: &State<'_>) -> Result<(), String> {
    let row = |row: &Family| {
        let previous = row.last.as_ref().map(|last| {
            Box::new(tokens::Previous {
                refresh: row.line[row.line.len() - 2],
                access: last.access,
                scope_set: last.set,
                epoch: last.epoch,
                rotated_at: last.at,
            })
        });
        let family = tokens::Family {
            grant: GrantId(row.grant),
            client: ClientApplicationId(row.client),
            scope_set: row.set,
            generation: u32::try_from(row.line.len().saturating_sub(1)).expect("few"),
            refresh: row.line.last().copied(),
            previous,
            created_at: row.created_at,
            sequence: Sequence(row.sequence),
            by_password: row.by_password,
            refresh_until: row.refresh_until,
            access_until: row.access_until,
        };
        (row.id, family)
    };
    let there = || model.clients.families.iter().filter(|row| !row.fate.gone);
    rows("families", &state.tokens.families, there().map(row).collect())?;
    let of_client = there().map(|row| ((ClientApplicationId(row.client), row.id), ()));
    same!(all(&state.tokens.of_client), sorted(of_client), "families of client applications");
    let of_grant = there().map(|row| ((GrantId(row.grant), row.id), ()));
    same!(all(&state.tokens.of_grant), sorted(of_grant), "families of grants");
    let by_end = there().filter_map(|row| Some(((row.over_at()?, row.id), ())));
    same!(all(&state.tokens.families_by_end), sorted(by_end), "families in order of their ends");
    for row in &model.clients.families {
        // Of two with the same number, the later one may be there.
        if row.fate.gone && model.family(row.id).is_some() {
            continue;
        }
        let open = row.fate.is_open().then_some(row.user);
        let actual = unended_family(state, row.id).map(|living| living.grant.user.0);
        same!(actual, open, "whose family {} is, if it has not ended", row.id);
        if let (Some(family), Some(client)) = (state.tokens.families.get(&row.id), model.client(row.client)) {
            same!(
                refresh_ends(state, family),
                Model::last_use(client, row),
                "when family {} is over",
                row.id
            );
        }
        let lives = open.filter(|user| model.is_active(*user));
        let actual = live_family(state, row.id).map(|living| living.grant.user.0);
        same!(actual, lives, "whose family {} is, if it lives", row.id);
    }
    Ok(())
}

fn access(model: &Model, state: &State<'_>) -> Result<(), String> {
    let row = |row: &Access| {
        let token = tokens::AccessToken {
            subject: match (row.family, row.user) {
                (Some(family), _) => Subject::Family(family),
                (None, Some(user)) => Subject::RunAs(ClientApplicationId(row.client), UserId(user)),
                (None, None) => Subject::Client(ClientApplicationId(row.client)),
            },
            sequence: Sequence(row.sequence),
            expires_at: row.expires_at,
            scope_set: row.set,
            issued_secs: u32::try_from(row.issued_at.0.div_euclid(1_000_000)).expect("before 2106"),
        };
        (TokenKey::from(&row.hash), token)
    };
    let there = || model.clients.access.iter().filter(|row| !row.fate.gone);
    rows("access tokens", &state.tokens.access, there().map(row).collect())?;
    let by_end = there().map(|row| ((row.expires_at, TokenKey::from(&row.hash)), ()));
    same!(all(&state.tokens.access_by_end), sorted(by_end), "access tokens in order of their ends");
    for row in &model.clients.access {
        let open = !row.fate.ended && model.now < row.expires_at;
        let actual = unended_access(state, &row.hash, model.now).map(|token| token.client.0);
        same!(actual, open.then_some(row.client), "whose access token {} is, if it has not ended", row.hash);
        let lives = live_access(state, &row.hash, model.now);
        let lives = lives.map(|token| (token.client.0, token.user.map(|user| user.0), (*token.set).clone()));
        let expected = (row.client, row.user, model.set_of(row.set).clone());
        same!(
            lives,
            model.access_lives(row).then_some(expected),
            "whose access token {} is, if it lives",
            row.hash
        );
    }
    Ok(())
}
