//! A param as a file declares it: one flat table, in which the type says what else may stand.

use super::Scalar;
use crate::declared::{flow::FlowParam, term::Quantity};
use serde::{Deserialize, Serialize};
use valence_sandbox::ParamType;

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Text,
    Boolean,
    Unsigned,
    Signed,
    Pubkey,
    Decimal,
}

/// A [`FlowParam`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct WrittenParam {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Scalar>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    help: String,
}

/// Bytes of a text param unless told.
const TEXT_BYTES: u32 = 256;

impl TryFrom<WrittenParam> for FlowParam {
    type Error = String;
    fn try_from(written: WrittenParam) -> Result<Self, String> {
        let WrittenParam { kind, min, max, max_bytes, default, help } = written;
        let ranged = matches!(kind, Kind::Unsigned | Kind::Signed);
        if !ranged && (min.is_some() || max.is_some()) {
            return Err("`min` and `max` are for params of type unsigned and signed".to_owned());
        }
        if max_bytes.is_some() && !matches!(kind, Kind::Text) {
            return Err("`max-bytes` is for params of type text".to_owned());
        }
        let kind = match kind {
            Kind::Text => ParamType::Text(max_bytes.unwrap_or(TEXT_BYTES)),
            Kind::Boolean => ParamType::Boolean,
            Kind::Unsigned => ParamType::Unsigned(end("min", min, 0)?, end("max", max, u64::MAX)?),
            Kind::Signed => ParamType::Signed(end("min", min, i64::MIN)?, end("max", max, i64::MAX)?),
            Kind::Pubkey => ParamType::Pubkey,
            Kind::Decimal => ParamType::Decimal,
        };
        Ok(FlowParam { kind, default: default.map(Scalar::text), help })
    }
}

/// One end of a param's range.
fn end<N: TryFrom<i128>>(which: &str, given: Option<Quantity>, otherwise: N) -> Result<N, String> {
    match given {
        None => Ok(otherwise),
        Some(Quantity::Number(number)) => {
            N::try_from(number).map_err(|_| format!("`{which}` of {number} does not fit the param's type"))
        }
        Some(Quantity::Param { .. }) => Err(format!("`{which}` is a number, and cannot be a param")),
    }
}

impl From<FlowParam> for WrittenParam {
    fn from(param: FlowParam) -> Self {
        let (mut min, mut max, mut max_bytes) = (None, None, None);
        let kind = match param.kind {
            ParamType::Text(most) => {
                max_bytes = Some(most);
                Kind::Text
            }
            ParamType::Boolean => Kind::Boolean,
            ParamType::Unsigned(least, most) => {
                (min, max) = (Some(least.into()), Some(most.into()));
                Kind::Unsigned
            }
            ParamType::Signed(least, most) => {
                (min, max) = (Some(least.into()), Some(most.into()));
                Kind::Signed
            }
            ParamType::Pubkey => Kind::Pubkey,
            ParamType::Decimal => Kind::Decimal,
        };
        WrittenParam { kind, min, max, max_bytes, default: param.default.map(Scalar), help: param.help }
    }
}
