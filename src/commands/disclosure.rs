//! Showing secrets (hdp-api 9.13): nobody sees one before the fact that he did is durable.

use events::{
    disclosure::SecretRevealed,
    envelope::{Actor, Stream, StreamKind},
    id::{ClientApplicationId, DataSourceId, OAuthAppId, OAuthProfileId, PermissionId, Sequence, TenantId},
    sealed::Field,
};

use super::{
    Cause, Decision, Fact, Refusal, View, acting, client_application, data_source::access, oauth_app,
    oauth_profile,
};
use crate::auth::principal::Principal;

/// Whose secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// An application's client secret, to its administrator.
    OAuthApp(OAuthAppId),
    /// A profile's tokens, to its owner.
    OAuthProfile(OAuthProfileId),
    /// A data source's sealed options, to its owner.
    DataSource(DataSourceId),
    /// What a client application authenticates with, to its owner and to who holds 12.
    ClientApplication(ClientApplicationId),
}

impl Secrets {
    /// What seeing the object needs.
    pub fn permissions(self) -> &'static [PermissionId] {
        match self {
            Self::OAuthApp(_) => &oauth_app::PERMISSIONS,
            Self::OAuthProfile(_) => &oauth_profile::VIEW,
            // The data source itself says who may view it.
            Self::DataSource(_) => access::needed(&oauth_profile::VIEW, false),
            // Any active user has some of his own.
            Self::ClientApplication(_) => &[],
        }
    }
}

/// Secrets of an object, to be shown to who may see them.
#[derive(Clone, Copy, Debug)]
pub struct RevealSecrets {
    /// Whose.
    pub secrets: Secrets,
    /// The event that last changed it when the values were read.
    pub changed: Sequence,
}

/// What would be shown, of which state of the object.
struct Shown {
    tenant: TenantId,
    object: Stream,
    changed: Sequence,
    fields: Vec<Field>,
}

/// Records `SecretRevealed` in the actor's disclosure stream, who is a user: nothing is shown to a client application. On behalf of another it needs 12. Where there is no secret,
/// none was shown, and nothing is recorded.
pub(super) fn reveal(view: &View<'_>, cause: &Cause, wish: &RevealSecrets) -> Result<Decision, Refusal> {
    let principal = acting(&view.state, cause.actor, cause.on_behalf_of, wish.secrets.permissions())?;
    let shown = find(view, &principal, wish.secrets)?;
    let Actor::User(actor) = cause.actor else { return Err(Refusal::LacksPermission) };
    if cause.on_behalf_of.is_some() && !principal.is_administrator() {
        return Err(Refusal::Forbidden);
    }
    if shown.changed != wish.changed {
        return Err(Refusal::Again);
    }
    if shown.fields.is_empty() {
        return Ok(Decision::default());
    }
    let revealed = SecretRevealed {
        object: shown.object,
        object_sequence: shown.changed,
        fields: shown.fields.into_iter().collect(),
    };
    let stream = Stream::new(StreamKind::DISCLOSURES, actor.0);
    Ok(Decision { facts: vec![Fact::new(shown.tenant, stream, revealed)], ..Decision::default() })
}

fn find(view: &View<'_>, principal: &Principal, secrets: Secrets) -> Result<Shown, Refusal> {
    Ok(match secrets {
        Secrets::OAuthApp(id) => {
            let row = oauth_app::administered(view, principal, id)?;
            Shown {
                tenant: row.tenant,
                object: Stream::new(StreamKind::OAUTH_APP, id.0),
                changed: row.changed,
                fields: vec![Field::CLIENT_SECRET],
            }
        }
        Secrets::OAuthProfile(id) => {
            let row = oauth_profile::owned(view, principal, id)?;
            let access_token = row.access_token.as_ref().map(|_| Field::ACCESS_TOKEN);
            Shown {
                tenant: row.tenant,
                object: Stream::new(StreamKind::OAUTH_PROFILE, id.0),
                changed: row.changed,
                fields: access_token.into_iter().chain([Field::REFRESH_TOKEN]).collect(),
            }
        }
        Secrets::DataSource(id) => {
            let row = access::owned(view, principal, id, &oauth_profile::VIEW)?.row;
            Shown {
                tenant: row.tenant,
                object: Stream::new(StreamKind::DATA_SOURCE, id.0),
                changed: row.changed,
                fields: if row.sealed_options.is_empty() { Vec::new() } else { vec![Field::OPTION] },
            }
        }
        Secrets::ClientApplication(id) => {
            let row = client_application::seen(view, principal, id)?;
            if !client_application::has_secret_of(principal, row) {
                return Err(Refusal::Forbidden);
            }
            let sealed = row.secret.as_ref().and_then(|secret| secret.sealed.as_ref());
            Shown {
                tenant: row.tenant,
                object: Stream::new(StreamKind::CLIENT_APPLICATION, id.0),
                changed: row.changed,
                fields: sealed.map(|_| Field::CLIENT_SECRET).into_iter().collect(),
            }
        }
    })
}
