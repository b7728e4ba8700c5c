//! Who could do what at a moment: the streams of the user, of every role he held and of the tenant, merged by sequence and
//! folded by [`auth::access`](crate::auth::access).

use std::collections::BTreeSet;
use std::sync::Arc;

use events::{
    envelope::{Envelope, Stream, StreamKind},
    event::Event,
    id::{PermissionId, RoleId, Sequence, TenantId, UserId},
};

use super::{
    live::Ledger,
    past::{Budget, Log, Moment, PastError},
};
use crate::auth::access::{Access, Question, access};

/// How many events are looked at for one answer.
pub const EVENTS_MAX: usize = 10_000;

/// What is asked, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// About whom.
    pub user: UserId,
    /// Whether he could do this.
    pub permission: PermissionId,
    /// Where; `None`: where he lived.
    pub tenant: Option<TenantId>,
    /// When.
    pub moment: Moment,
    /// The one tenant whose users the asker may ask about, when not everybody's.
    pub only: Option<TenantId>,
}

/// What came of it.
#[derive(Debug)]
pub enum Answered {
    /// There was no such user yet, or none whom the asker may ask about.
    NoUser,
    /// There was no such tenant yet.
    NoTenant(TenantId),
    /// The answer, and where it was asked about.
    Found(TenantId, Box<Access>),
}

impl Ledger {
    /// Whether somebody could do something at a moment, why, and since when.
    pub async fn access(&self, asked: Asked) -> Result<Answered, PastError> {
        if let Moment::Sequence(sequence) = asked.moment
            && sequence.0 >= self.size()
        {
            return Err(PastError::NotReached(sequence));
        }
        let shared = Arc::clone(self.shared());
        let head =
            move |stream| shared.view().read().state.streams.heads.get(&stream).map(|head| head.sequence);
        if head(user(asked.user)).is_none() {
            return Ok(Answered::NoUser);
        }
        self.walk_beside(move |log| log.access(asked, &head, EVENTS_MAX)).await
    }
}

impl Log {
    /// `head` knows where a stream ends.
    pub(super) fn access(
        &self,
        asked: Asked,
        head: &dyn Fn(Stream) -> Option<Sequence>,
        events_max: usize,
    ) -> Result<Answered, PastError> {
        let Asked { permission, moment, only, .. } = asked;
        let Some(last) = head(user(asked.user)) else { return Ok(Answered::NoUser) };
        let hidden = |home: TenantId| only.is_some_and(|only| only != home);
        let mut budget = Budget::of(events_max);
        let mut places = match self.places(user(asked.user), last, moment, &mut budget) {
            // Whose history is too long for an answer, only those hear who may ask about him.
            Err(PastError::TooLong(_)) if hidden(self.envelope(last)?.header.tenant) => {
                return Ok(Answered::NoUser);
            }
            places => places?,
        };
        // A user's events are of the tenant that he lives in.
        let Some(newest) = places.first() else { return Ok(Answered::NoUser) };
        let home = self.envelope(*newest)?.header.tenant;
        if hidden(home) {
            return Ok(Answered::NoUser);
        }
        let mut roles = BTreeSet::new();
        for place in &places {
            let envelope = self.envelope(*place)?;
            // What another tenant's roles gave him there is not this auditor's to know.
            if !hidden(envelope.header.tenant) {
                roles.extend(given(&envelope));
            }
        }
        let tenant = asked.tenant.unwrap_or(home);
        let Some(last) = head(Stream::new(StreamKind::TENANT, tenant.0)) else {
            return Ok(Answered::NoTenant(tenant));
        };
        let of_tenant = self.places(Stream::new(StreamKind::TENANT, tenant.0), last, moment, &mut budget)?;
        if of_tenant.is_empty() {
            return Ok(Answered::NoTenant(tenant));
        }
        places.extend(of_tenant);
        for role in roles {
            let stream = Stream::new(StreamKind::ROLE, role.0);
            if let Some(last) = head(stream) {
                places.extend(self.places(stream, last, moment, &mut budget)?);
            }
        }
        places.sort_unstable();
        let question = Question { user: asked.user, permission, tenant, only };
        let found = access(question, places.into_iter().map(|place| self.envelope(place)))?;
        Ok(Answered::Found(tenant, Box::new(found)))
    }
}

fn user(id: UserId) -> Stream {
    Stream::new(StreamKind::USER, id.0)
}

/// The roles that an event of a user's gives him.
fn given(envelope: &Envelope) -> impl Iterator<Item = RoleId> {
    let roles = match &envelope.event {
        Event::UserCreated(created) => Some(&created.roles),
        Event::UserRolesSet(set) => Some(&set.roles),
        _ => None,
    };
    roles.into_iter().flat_map(|roles| roles.iter().copied())
}
