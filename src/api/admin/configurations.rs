//! `/api/admin/configurations` (hdp-api 7.2): settings of the whole system.

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::Stream,
    event::Event,
    id::{ConfigurationId, Sequence},
};
use projections::State as Folded;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::Asking,
        body, codes,
        error::{ApiError, Kind},
        fields::{Fields, parse_id},
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, flag, id, text},
            tag,
        },
        written::{not_modified, shown, unexpected, updated},
    },
    commands::{
        View, Wish,
        configuration_table::{CONFIGURATIONS, ConfigurationKind, DELIMITER_CHARS_MAX, by_id},
        field::DESCRIPTION_BYTES_MAX,
        setting::{CONFIGURE, SetConfiguration, configuration, may_configure},
    },
};

/// A setting of the whole system.
#[derive(Serialize, ToSchema)]
#[schema(as = Configuration)]
struct Shown {
    id: u16,
    description: &'static str,
    #[schema(required = true)]
    value: Option<String>,
    /// Whether anything here goes by it.
    effective: bool,
}

impl Shown {
    fn of(kind: &ConfigurationKind, value: Option<&str>) -> Self {
        let value = value.map(str::to_owned);
        Self { id: kind.id.0, description: kind.description, value, effective: kind.effective }
    }
}

/// Every configuration, in the order of ids.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfigurationList)]
struct List {
    configurations: Vec<Shown>,
}

struct Sent {
    value: Option<String>,
}

body_schema!(
    Sent,
    "ConfigurationSent",
    BodySchema::new("A configuration's value.")
        .required(
            "value",
            text(1..=DELIMITER_CHARS_MAX)
                .about("What the configuration's description names, as a text; `null` puts its default back.")
                .example("true")
                .nullable()
        )
        .optional("id", id().about("As in the address: a GET's answer can be sent back."))
        .optional("description", text(0..=DESCRIPTION_BYTES_MAX).about("As it is."))
        .optional("effective", flag().about("As it is."))
);

impl Sent {
    fn read(body: Json, kind: &ConfigurationKind) -> Result<Self, ApiError> {
        const AS_IT_IS: &str = "it can't be chosen: leave it out or repeat it";
        let mut fields = Fields::of(body)?;
        if !fields.has("value") {
            return Err(fields.missing("value"));
        }
        let value = fields.optional_text("value")?.map(|text| text.expose().to_owned());
        fields.repeats_id(u64::from(kind.id.0))?;
        if fields.optional_text("description")?.is_some_and(|text| text.expose() != kind.description) {
            return Err(fields.invalid("description", AS_IT_IS));
        }
        if fields.optional_bool("effective")?.is_some_and(|effective| effective != kind.effective) {
            return Err(fields.invalid("effective", AS_IT_IS));
        }
        fields.finish()?;
        Ok(Self { value })
    }
}

/// Refuses who may not configure, whatever the address names.
fn permitted(asking: &Asking, view: &View<'_>) -> Result<(), ApiError> {
    let principal = asking.principal(view, &CONFIGURE)?;
    may_configure(&principal).map_err(|refusal| asking.refused(refusal))
}

fn found(path: &str) -> Result<&'static ConfigurationKind, ApiError> {
    let id = parse_id(path).and_then(|id| u16::try_from(id).ok()).map(ConfigurationId);
    id.and_then(by_id).ok_or_else(|| ApiError::NotFound(Kind::Configuration, path.to_owned()))
}

/// Lists the settings of the whole system.
///
/// Takes administrative access on the system tenant, too.
#[utoipa::path(
    get, path = "/api/admin/configurations", tag = tag::CONFIGURATIONS, operation_id = "listConfigurations",
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&CONFIGURE)))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&CONFIGURE)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let configurations = app.ledger().read(|view| -> Result<_, ApiError> {
        permitted(&asking, view)?;
        let row = |kind: &ConfigurationKind| Shown::of(kind, configuration(&view.state, kind.id).0);
        Ok(CONFIGURATIONS.iter().map(row).collect())
    })?;
    Ok(answer(StatusCode::OK, &List { configurations }))
}

/// Shows one setting of the whole system.
///
/// Takes administrative access on the system tenant, too.
#[utoipa::path(
    get, path = "/api/admin/configurations/{id}", tag = tag::CONFIGURATIONS, operation_id = "getConfiguration",
    params(parameters::Id, parameters::AsOf),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&CONFIGURE))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CONFIGURATION)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&CONFIGURE)?;
    asking.in_own_name()?;
    let moment = asking.as_of()?;
    asking.no_more_parameters()?;
    if let Some(moment) = moment {
        app.ledger().read(|view| permitted(&asking, view))?;
        let kind = found(&path)?;
        let said = |state: &Folded<'_>| Some(configuration(state, kind.id).0.map(str::to_owned));
        let then = asking.row_at(Stream::LEDGER, moment, said).await?;
        let then = then.ok_or(ApiError::NotFound(Kind::Configuration, path))?;
        return Ok(then.shown(&Shown::of(kind, then.row.as_deref())));
    }
    let (body, changed) = app.ledger().read(|view| -> Result<(Shown, Sequence), ApiError> {
        permitted(&asking, view)?;
        let kind = found(&path)?;
        let (value, changed) = configuration(&view.state, kind.id);
        Ok((Shown::of(kind, value), changed))
    })?;
    if let Some(response) = not_modified(asking.headers(), changed)? {
        return Ok(response);
    }
    Ok(shown(changed, &body))
}

/// Replaces one setting of the whole system.
///
/// Takes administrative access on the system tenant, too. It holds from the next request on.
#[utoipa::path(
    put, path = "/api/admin/configurations/{id}", tag = tag::CONFIGURATIONS, operation_id = "updateConfiguration",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&CONFIGURE))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_CONFIGURATION)]))),
    ),
)]
pub(super) async fn update(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&CONFIGURE)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    app.ledger().read(|view| permitted(&asking, view))?;
    let kind = found(&path)?;
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let Sent { value } = Sent::read(body.clone(), kind)?;
    let wish = SetConfiguration { id: kind.id, value, expected };
    let prepare = || Ok(Wish::SetConfiguration(Box::new(wish.clone())));
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::ConfigurationSet(event) = &envelope.event else { return Err(unexpected(&receipt)) };
    let shown = Shown::of(kind, event.value.as_deref().or(kind.default));
    Ok(updated(&receipt, envelope.header.sequence, &shown))
}
