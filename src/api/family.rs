//! What families of objects have in common: how one is found, shown, shown as it was, and deleted, in the order of refusals
//! of hdp-api 9.4. What differs between them, each says by [`Family`].

use std::sync::Arc;

use axum::response::Response;
use events::{
    envelope::{Stream, StreamKind},
    id::{PermissionId, Sequence, TenantId, UserId},
    sealed::{Field, Sealed},
};
use projections::State;
use serde::Serialize;

use super::{
    asking::{Asking, open_text},
    error::{ApiError, Kind},
    fields::parse_id,
    past::open_text_then,
    written::{deleted, not_modified, shown, written},
};
use crate::{
    auth::principal::Principal,
    commands::{
        Refusal, View, Wish,
        disclosure::{RevealSecrets, Secrets},
    },
    ledger::past::Moment,
    vault::{Place, PlainSecret},
};

/// A family of objects, each with an owner or administrators who may see it.
pub(super) trait Family {
    /// Which of them.
    type Id: Copy;
    /// One as the state has it.
    type Row;
    /// One as it is answered.
    type Shown<'a>: Serialize;
    /// What an id that finds nothing is called.
    const KIND: Kind;
    /// Whose histories.
    const STREAM: StreamKind;
    /// What reading one needs.
    const VIEW: &'static [PermissionId];

    /// The id of that number.
    fn id(number: u64) -> Self::Id;

    /// What of an operation's permissions the caller must hold whichever object he asks for: all, unless an object can give
    /// some.
    fn needed(operation: &'static [PermissionId], _on_behalf: bool) -> &'static [PermissionId] {
        operation
    }

    /// The row when this caller may see it and do with it what he asks.
    fn found(
        view: &View<'_>,
        principal: &Principal,
        id: Self::Id,
        operation: &'static [PermissionId],
    ) -> Result<Arc<Self::Row>, Refusal>;

    /// The row in a state, whoever asks.
    fn row(state: &State<'_>, id: Self::Id) -> Option<Arc<Self::Row>>;

    /// The event that last changed it.
    fn changed(row: &Self::Row) -> Sequence;

    /// What its `ETag` says: the event that last changed what is answered of it.
    fn tag(_: &State<'_>, _: Self::Id, row: &Self::Row) -> Sequence {
        Self::changed(row)
    }

    /// Ids of other objects that are answered with it. They follow from those objects' own events, so the past has none.
    fn lists(_: &State<'_>, _: Self::Id) -> Vec<u64> {
        Vec::new()
    }

    /// Its secrets, if it has some.
    fn secrets(id: Self::Id, row: &Self::Row) -> Option<Secrets>;

    /// Whose tenant's it was, if this caller would find it were it still there; `finds` says whether he finds it now.
    fn was_found(principal: &Principal, id: Self::Id, row: &Self::Row, finds: bool) -> Option<TenantId>;

    /// Makes of a row what is answered, and hands it over.
    fn present<T>(
        look: &Look<'_>,
        id: Self::Id,
        row: &Self::Row,
        answer: impl FnOnce(&Self::Shown<'_>) -> T,
    ) -> Result<T, ApiError>;
}

/// How an object is looked at: now or then, with its secrets or without.
pub(super) struct Look<'a> {
    asking: &'a Asking,
    when: When,
    listed: Option<Vec<u64>>,
    /// Whether more is to be said of it than its properties.
    pub(super) details: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now { secrets: bool },
    Then,
}

impl Look<'_> {
    /// Who looks.
    pub(super) fn caller(&self) -> UserId {
        self.asking.user()
    }

    /// What [`Family::lists`] found; nothing is known of then.
    pub(super) fn listed(&self) -> Option<&[u64]> {
        self.listed.as_deref()
    }

    /// Free text. When its key was destroyed, it is now as if it had been left out; what was there then says `erased`.
    pub(super) fn text(
        &self,
        sealed: Option<&Sealed>,
        kind: StreamKind,
    ) -> Result<Option<PlainSecret>, ApiError> {
        let vault = self.asking.vault();
        match self.when {
            When::Now { .. } => open_text(vault, sealed, kind, Field::DESCRIPTION),
            When::Then => open_text_then(vault, sealed, kind, Field::DESCRIPTION),
        }
    }

    /// A secret, when they are shown. One whose key was destroyed is gone; the rest of the object is still an answer.
    pub(super) fn secret<'p>(
        &self,
        sealed: Option<&Sealed>,
        kind: StreamKind,
        place: impl Into<Place<'p>>,
    ) -> Result<Option<PlainSecret>, ApiError> {
        let shown = self.when == When::Now { secrets: true };
        open_text(self.asking.vault(), sealed.filter(|_| shown), kind, place)
    }
}

/// The object in the path, when this caller finds it. What can't be an id is an object that is not there.
pub(super) fn find<F: Family>(
    asking: &Asking,
    path: &str,
    operation: &'static [PermissionId],
) -> Result<(F::Id, Arc<F::Row>), ApiError> {
    look_up::<F, _>(asking, path, operation, |_, id, row| (id, Arc::clone(row)))
}

/// The same, with what else `also` takes from the state that the row stands in.
fn look_up<F: Family, T>(
    asking: &Asking,
    path: &str,
    operation: &'static [PermissionId],
    also: impl FnOnce(&State<'_>, F::Id, &Arc<F::Row>) -> T,
) -> Result<T, ApiError> {
    asking.app().ledger().read(|view| {
        let principal = asking.principal(view, F::needed(operation, asking.is_on_behalf()))?;
        let id = id_of::<F>(path);
        let row = F::found(view, &principal, id, operation);
        Ok(also(&view.state, id, &row.map_err(|refusal| not_found::<F>(asking, path, refusal))?))
    })
}

/// No object has the id 0, so that what is no id takes the same way as an id that finds nothing.
fn id_of<F: Family>(path: &str) -> F::Id {
    F::id(parse_id(path).unwrap_or_default())
}

fn not_found<F: Family>(asking: &Asking, path: &str, refusal: Refusal) -> ApiError {
    match asking.refused(refusal) {
        ApiError::NotFound(kind, _) if kind == F::KIND => ApiError::NotFound(kind, path.to_owned()),
        error => error,
    }
}

/// 200 with the object, with its secrets when they may be revealed, or as it was at `moment`.
pub(super) async fn show<F: Family>(
    asking: &Asking,
    path: &str,
    moment: Option<Moment>,
    details: bool,
) -> Result<Response, ApiError> {
    if let Some(moment) = moment {
        return show_then::<F>(asking, path, moment).await;
    }
    let (id, mut row, mut tag, listed) = look_up::<F, _>(asking, path, F::VIEW, |state, id, row| {
        (id, Arc::clone(row), F::tag(state, id, row), F::lists(state, id))
    })?;
    if let Some(response) = not_modified(asking.headers(), tag)? {
        return Ok(response);
    }
    let mut revealed = None;
    let secrets = F::secrets(id, &row);
    if let Some(secrets) = secrets
        && asking.reveals(F::needed(F::VIEW, asking.is_on_behalf()))?
    {
        let prepare = || {
            (row, tag) = look_up::<F, _>(asking, path, F::VIEW, |state, id, row| {
                (Arc::clone(row), F::tag(state, id, row))
            })?;
            Ok(Wish::RevealSecrets(RevealSecrets { secrets, changed: F::changed(&row) }))
        };
        revealed = Some(asking.execute(None, prepare).await?);
    }
    let when = When::Now { secrets: revealed.is_some() };
    let look = Look { asking, when, listed: Some(listed), details };
    let response = F::present(&look, id, &row, |body| shown(tag, body))?;
    Ok(match revealed {
        Some(receipt) => written(&receipt, response),
        None => response,
    })
}

/// What is gone now is shown to who audits its tenant, if he would find it were it still there.
async fn show_then<F: Family>(asking: &Asking, path: &str, moment: Moment) -> Result<Response, ApiError> {
    let (id, principal, gone) = asking.app().ledger().read(|view| {
        let principal = asking.principal(view, F::needed(F::VIEW, asking.is_on_behalf()))?;
        let id = id_of::<F>(path);
        match F::found(view, &principal, id, F::VIEW) {
            Ok(_) => Ok((id, principal, false)),
            Err(Refusal::NotFound(_)) if F::row(&view.state, id).is_none() => Ok((id, principal, true)),
            Err(refusal) => Err(not_found::<F>(asking, path, refusal)),
        }
    })?;
    // In what is no id nothing ever happened.
    let stream = Stream::new(F::STREAM, parse_id(path).unwrap_or_default());
    let then = asking.row_at(stream, moment, |state| F::row(state, id)).await?;
    let his = |row: &F::Row| {
        F::was_found(&principal, id, row, !gone).is_some_and(|tenant| !gone || asking.audits(tenant))
    };
    let then = then.filter(|then| his(&then.row));
    let then = then.ok_or_else(|| ApiError::NotFound(F::KIND, path.to_owned()))?;
    F::present(&Look { asking, when: When::Then, listed: None, details: false }, id, &then.row, |body| {
        then.shown(body)
    })
}

/// 204 once the object is deleted. An id that finds nothing is called `missing`.
pub(super) async fn delete<F: Family>(
    asking: &Asking,
    path: String,
    missing: Kind,
    wish: impl Fn(F::Id, Option<Vec<Sequence>>) -> Wish,
) -> Result<Response, ApiError> {
    let expected = asking.expected()?;
    // Asked of the writer also when the path is no id: a missing permission is heard first. No object has the id 0.
    let id = F::id(parse_id(&path).unwrap_or_default());
    match asking.execute(None, || Ok(wish(id, expected.clone()))).await {
        Ok(receipt) => Ok(deleted(&receipt)),
        Err(ApiError::NotFound(kind, _)) if kind == F::KIND => Err(ApiError::NotFound(missing, path)),
        Err(error) => Err(error),
    }
}
