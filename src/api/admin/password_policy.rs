//! `/api/admin/passwordpolicy` (hdp-api 6.6): the default policy, which is as the server's settings say, and the custom one.
//! Which of them judges new passwords, configuration 6 says.

use axum::{
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use events::{
    envelope::StreamKind,
    event::Event,
    id::{SYSTEM_TENANT, Sequence},
    sealed::{Field, Sealed},
    setting::PasswordPolicySet,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        AppState,
        answer::answer,
        asking::{Asking, fault, open_text},
        body, codes,
        error::{ApiError, Fault, Kind},
        fields::Fields,
        json::Json,
        openapi::{
            self, ids, parameters,
            schemas::{BodySchema, body_schema, id, list_of, number, text, word_of},
            tag,
        },
        written::{not_modified, shown, unexpected, updated},
    },
    auth::password::{CHARS_MAX, CHOSEN_CHARS_MIN, CustomRules, TEMPORARY_CHARS_MIN},
    commands::{
        Wish,
        field::{DESCRIPTION_BYTES_MAX, NAME_CHARS_MAX, PolicyName, check_description},
        setting::{EXPIRATION_DAYS_MAX, POLICY, SINCE_EVER, SetPasswordPolicy},
    },
    config::PasswordPolicy,
    vault::PlainSecret,
};

/// The default policy, which nobody changes.
const DEFAULT: u64 = 1;
/// The custom one.
const CUSTOM: u64 = 2;

/// HDP's name and id of the rule about length.
const LENGTH: (&str, &str) = ("PASSWORD_LENGTH_RULE", "pwdLengthRule");
/// HDP's names and ids of the rules about classes of characters, and what those are called.
const CLASSES: [(&str, &str, &str); 4] = [
    ("SPECIAL_CLASS_RULE", "specialCharacterRule", "special"),
    ("LOWER_CLASS_RULE", "lowerCaseCharacterRule", "lower case"),
    ("UPPER_CLASS_RULE", "upperCaseCharacterRule", "upper case"),
    ("NUMERIC_CLASS_RULE", "numericCharacterRule", "numeric"),
];
/// Most rules that can be sent: each once.
const RULES_MAX: usize = 1 + CLASSES.len();

/// One rule.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasswordRule)]
struct Rule {
    /// Made from the numbers.
    title: String,
    #[serde(rename = "ruleId")]
    id: &'static str,
    #[serde(rename = "ruleName")]
    name: &'static str,
    /// Of the rule about length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    min_length: Option<u32>,
    /// Of the rule about length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_length: Option<u32>,
    /// Of the rules about classes of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    min_chars: Option<u32>,
}

/// A policy.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasswordPolicy)]
struct Shown {
    id: u64,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    rules: Vec<Rule>,
    /// How many days a password lives that its user chose; 0 for ever.
    expiration_days: u32,
}

/// Both policies.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PasswordPolicyList)]
struct List {
    password_policies: Vec<Shown>,
}

fn rules(length: (u32, u32), classes: [u32; 4]) -> Vec<Rule> {
    let (min, max) = length;
    let length = Rule {
        title: format!("Must contain at least {min} characters but no more than {max} characters"),
        name: LENGTH.0,
        id: LENGTH.1,
        min_length: Some(min),
        max_length: Some(max),
        min_chars: None,
    };
    let class = |((name, id, what), min): ((&'static str, &'static str, &'static str), u32)| Rule {
        title: format!("Must contain at least {min} {what} character{}", if min == 1 { "" } else { "s" }),
        name,
        id,
        min_length: None,
        max_length: None,
        min_chars: Some(min),
    };
    let asked = CLASSES.into_iter().zip(classes).filter(|(_, min)| *min > 0);
    std::iter::once(length).chain(asked.map(class)).collect()
}

fn chars(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Shown {
    /// What configuration 6 chooses by `1`.
    fn default(policy: PasswordPolicy) -> Self {
        let (least, classes, description) = match policy {
            PasswordPolicy::Default => (
                CHOSEN_CHARS_MIN,
                [0; 4],
                "Default Password Policy: long, and not among those that are guessed first",
            ),
            PasswordPolicy::Hdp => {
                (TEMPORARY_CHARS_MIN, [1; 4], "Default Password Policy; the user's name must not be in it")
            }
        };
        Self {
            id: DEFAULT,
            name: "Default Policy".to_owned(),
            description: Some(description.to_owned()),
            rules: rules((chars(least), chars(CHARS_MAX)), classes),
            expiration_days: 0,
        }
    }

    /// The custom policy that nobody has changed yet: HDP's.
    fn first() -> Self {
        let (name, description) = ("Custom Policy".to_owned(), Some("Custom Password Policy".to_owned()));
        Self::custom(name, description, &CustomRules::FIRST)
    }

    fn set(asking: &Asking, policy: &PasswordPolicySet) -> Result<Self, ApiError> {
        let sealed = policy.description.as_ref();
        let description = open_text(asking.vault(), sealed, StreamKind::LEDGER, Field::DESCRIPTION)?;
        let description = description.map(|text| text.expose().to_owned());
        Ok(Self::custom(policy.name.clone(), description, &CustomRules::from(policy)))
    }

    fn custom(name: String, description: Option<String>, custom: &CustomRules) -> Self {
        let classes = [custom.special_min, custom.lower_min, custom.upper_min, custom.digits_min];
        let rules = rules(custom.length, classes);
        Self { id: CUSTOM, name, description, rules, expiration_days: custom.expiration_days.unwrap_or(0) }
    }
}

struct Sent {
    name: PolicyName,
    description: Option<PlainSecret>,
    length: (u32, u32),
    /// In the order of [`CLASSES`].
    classes: [u32; 4],
    expiration_days: Option<u32>,
}

body_schema!(
    Sent,
    "PasswordPolicySent",
    BodySchema::new("The custom password policy.")
        .optional("id", id().about("As in the address.").example(CUSTOM))
        .required("name", text(1..=NAME_CHARS_MAX).example("Custom Policy"))
        .optional(
            "description",
            text(0..=DESCRIPTION_BYTES_MAX).about(format!("At most {DESCRIPTION_BYTES_MAX} bytes."))
        )
        .required(
            "rules",
            list_of(
                BodySchema::new("One rule; a rule that is left out asks for nothing.")
                    .required(
                        "ruleName",
                        word_of(&[LENGTH.0, CLASSES[0].0, CLASSES[1].0, CLASSES[2].0, CLASSES[3].0])
                    )
                    .optional("ruleId", text(0..=NAME_CHARS_MAX).about("The one that belongs to `ruleName`."))
                    .optional(
                        "title",
                        text(0..=DESCRIPTION_BYTES_MAX).about("Not kept: titles are made from the numbers.")
                    )
                    .optional(
                        "minLength",
                        number(TEMPORARY_CHARS_MIN..=CHARS_MAX)
                            .about("Of the rule about length, which needs both.")
                    )
                    .optional(
                        "maxLength",
                        number(TEMPORARY_CHARS_MIN..=CHARS_MAX)
                            .about("Of the rule about length, which needs both.")
                    )
                    .optional(
                        "minChars",
                        number(0..=CHARS_MAX).about("Of the other rules, which need it and nothing else.")
                    ),
                RULES_MAX
            )
            .example(
                serde_json::json!([{ "ruleName": "PASSWORD_LENGTH_RULE", "minLength": 12, "maxLength": 128 }])
            )
        )
        .required(
            "expirationDays",
            number(0..=EXPIRATION_DAYS_MAX as usize)
                .about("How many days a password lives that its user chose; 0 for ever.")
                .example(0)
        )
);

impl Sent {
    fn read(body: Json) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        fields.repeats_id(CUSTOM)?;
        let name = fields.parsed("name", PolicyName::parse)?;
        let description = fields.optional_checked("description", check_description)?;
        let (mut length, mut classes) = (None, [None; 4]);
        let rules = fields.optional_objects("rules")?.ok_or_else(|| fields.missing("rules"))?;
        for mut rule in rules {
            let named = rule.text("ruleName")?;
            let class = CLASSES.iter().position(|(name, ..)| *name == named.expose());
            let rule_id = match class {
                Some(class) => CLASSES[class].1,
                None if named.expose() == LENGTH.0 => LENGTH.1,
                None => return Err(rule.invalid("ruleName", "use one of the five names of a GET's answer")),
            };
            if rule.optional_text("ruleId")?.is_some_and(|text| text.expose() != rule_id) {
                return Err(rule.invalid("ruleId", format!("of this rule it is {rule_id}")));
            }
            let _ = rule.optional_checked("title", check_description)?;
            let min = read_chars(&mut rule, "minLength", TEMPORARY_CHARS_MIN)?;
            let max = read_chars(&mut rule, "maxLength", TEMPORARY_CHARS_MIN)?;
            let count = read_chars(&mut rule, "minChars", 0)?;
            let twice = match (class, min, max, count) {
                (Some(class), None, None, Some(count)) => classes[class].replace(count).is_some(),
                (None, Some(min), Some(max), None) => length.replace((min, max)).is_some(),
                (Some(_), ..) => {
                    return Err(rule.invalid("ruleName", "this rule has minChars and no other number"));
                }
                (None, ..) => {
                    return Err(
                        rule.invalid("ruleName", "this rule has minLength and maxLength and no other number")
                    );
                }
            };
            if twice {
                return Err(rule.invalid("ruleName", "name each rule once"));
            }
            rule.finish()?;
        }
        let days =
            fields.optional_number("expirationDays")?.ok_or_else(|| fields.missing("expirationDays"))?;
        let days = u32::try_from(days).ok().filter(|days| *days <= EXPIRATION_DAYS_MAX).ok_or_else(|| {
            fields.invalid("expirationDays", format!("use 1 to {EXPIRATION_DAYS_MAX} days, or 0 for never"))
        })?;
        fields.finish()?;
        Ok(Self {
            name,
            description,
            length: length.unwrap_or((chars(TEMPORARY_CHARS_MIN), chars(CHARS_MAX))),
            classes: classes.map(Option::unwrap_or_default),
            expiration_days: Some(days).filter(|days| *days > 0),
        })
    }

    fn policy(&self, description: Option<Sealed>) -> PasswordPolicySet {
        let [special_min, lower_min, upper_min, digits_min] = self.classes;
        PasswordPolicySet {
            name: self.name.as_str().to_owned(),
            description,
            length_min: self.length.0,
            length_max: self.length.1,
            special_min,
            lower_min,
            upper_min,
            digits_min,
            expiration_days: self.expiration_days,
        }
    }
}

fn read_chars(rule: &mut Fields, name: &'static str, least: usize) -> Result<Option<u32>, ApiError> {
    let Some(count) = rule.optional_number(name)? else { return Ok(None) };
    let count = usize::try_from(count).ok().filter(|count| (least..=CHARS_MAX).contains(count));
    let count = count.ok_or_else(|| rule.invalid(name, format!("use {least} to {CHARS_MAX}")))?;
    Ok(Some(chars(count)))
}

fn unknown(path: String) -> ApiError {
    ApiError::NotFound(Kind::PasswordPolicy, path)
}

/// The custom policy as it is, and since which event.
fn custom(app: &AppState, asking: &Asking) -> Result<(Shown, Sequence), ApiError> {
    let set = app.ledger().read(|view| view.state.settings.password_policy.get(&()).cloned());
    Ok(match set {
        Some(row) => (Shown::set(asking, &row.policy)?, row.changed),
        None => (Shown::first(), SINCE_EVER),
    })
}

/// Lists both password policies.
#[utoipa::path(
    get, path = "/api/admin/passwordpolicy", tag = tag::CONFIGURATIONS, operation_id = "listPasswordPolicies",
    responses((status = 200, body = List)),
    extensions(("x-permissions" = json!(ids(&POLICY)))),
)]
pub(super) async fn list(State(app): State<AppState>, mut asking: Asking) -> Result<Response, ApiError> {
    asking.permitted(&POLICY)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let password_policies = vec![Shown::default(app.config().password.policy), custom(&app, &asking)?.0];
    Ok(answer(StatusCode::OK, &List { password_policies }))
}

/// Shows one password policy: 1 is the default one, 2 the custom one.
///
/// The default one is as the server's settings say (`password.policy`). By which of them new passwords are judged, configuration 6
/// says.
#[utoipa::path(
    get, path = "/api/admin/passwordpolicy/{id}", tag = tag::CONFIGURATIONS, operation_id = "getPasswordPolicy",
    params(parameters::Id),
    responses((status = 200, body = Shown), (status = 304)),
    extensions(
        ("x-permissions" = json!(ids(&POLICY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_PASSWORD_POLICY)]))),
    ),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
) -> Result<Response, ApiError> {
    asking.permitted(&POLICY)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let (body, changed) = match path.as_str() {
        "1" => (Shown::default(app.config().password.policy), SINCE_EVER),
        "2" => custom(&app, &asking)?,
        _ => return Err(unknown(path)),
    };
    if let Some(response) = not_modified(asking.headers(), changed)? {
        return Ok(response);
    }
    Ok(shown(changed, &body))
}

/// Replaces the custom password policy, 2.
///
/// It judges new passwords while configuration 6 says `2`; those that there are stay as they are. Whatever it says, a password
/// has 8 to 128 characters and does not contain the name of its user.
#[utoipa::path(
    put, path = "/api/admin/passwordpolicy/{id}", tag = tag::CONFIGURATIONS, operation_id = "updatePasswordPolicy",
    params(parameters::Id),
    request_body = Sent,
    responses((status = 200, body = Shown), (status = 412)),
    extensions(
        ("x-permissions" = json!(ids(&POLICY))),
        ("x-error-codes" = json!(openapi::codes(&[(404, codes::NO_PASSWORD_POLICY), (409, codes::PREDEFINED)]))),
    ),
)]
pub(super) async fn update(
    State(app): State<AppState>,
    Path(path): Path<String>,
    mut asking: Asking,
    body: Body,
) -> Result<Response, ApiError> {
    asking.permitted(&POLICY)?;
    asking.in_own_name()?;
    asking.no_more_parameters()?;
    let expected = asking.expected()?;
    if !matches!(path.as_str(), "1" | "2") {
        return Err(unknown(path));
    }
    let body = body::json(asking.headers(), body, &app.config().limits).await?;
    let sent = Sent::read(body.clone())?;
    if path == "1" {
        return Err(ApiError::Predefined("change the custom policy, 2, and choose it by configuration 6"));
    }
    let vault = asking.vault();
    let prepare = || {
        let key = app.ledger().read(|view| view.state.tenants.rows.get(&SYSTEM_TENANT).map(|row| row.key_id));
        let key = key.ok_or_else(|| ApiError::Internal(Fault::new("a ledger without its system tenant")))?;
        let key = vault.data_key(&key).map_err(fault)?;
        let seal = |text: &PlainSecret| {
            vault.seal(&key, StreamKind::LEDGER, Field::DESCRIPTION, text.expose().as_bytes())
        };
        let policy = sent.policy(sent.description.as_ref().map(seal));
        Ok(Wish::SetPasswordPolicy(Box::new(SetPasswordPolicy { policy, expected: expected.clone() })))
    };
    let receipt = asking.execute(Some(&body), prepare).await?;
    let [envelope] = &receipt.events[..] else { return Err(unexpected(&receipt)) };
    let Event::PasswordPolicySet(event) = &envelope.event else { return Err(unexpected(&receipt)) };
    Ok(updated(&receipt, envelope.header.sequence, &Shown::set(&asking, event)?))
}
