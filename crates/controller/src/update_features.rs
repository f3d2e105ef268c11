//! UpdateFeatures: the finalized levels go up or down, all that a request names or none.
//!
//! A level must be supported by every registered broker and controller. `metadata.version` only goes down where no record
//! format changed in between.

use std::collections::BTreeMap;

use moldau_metadata::{ConfigResource, MetadataRecord, MetadataVersion, VersionRange, feature};
use moldau_protocol::messages::update_features_request::FeatureUpdateKey;
use moldau_protocol::messages::update_features_response::UpdatableFeatureResult;
use moldau_protocol::messages::{
    ClearElrRecord, ConfigRecord, FeatureLevelRecord, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use moldau_types::ErrorCode;

use crate::config_rules::{MIN_INSYNC_REPLICAS, TopicRules};
use crate::{ApiError, Context, Controller, ControllerResult};

#[derive(Clone, Copy, PartialEq, Eq)]
enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
}

fn upgrade_type(update: &FeatureUpdateKey) -> Option<UpgradeType> {
    match update.upgrade_type {
        // Version 0 says it with a flag.
        _ if update.allow_downgrade => Some(UpgradeType::SafeDowngrade),
        1 => Some(UpgradeType::Upgrade),
        2 => Some(UpgradeType::SafeDowngrade),
        3 => Some(UpgradeType::UnsafeDowngrade),
        _ => None,
    }
}

fn invalid(feature: &str, level: i16, why: impl AsRef<str>) -> ApiError {
    let message = format!("Invalid update version {level} for feature {feature}. {}", why.as_ref());
    ApiError::new(ErrorCode::InvalidUpdateVersion, message)
}

impl Controller {
    /// Handles UpdateFeatures.
    pub fn update_features(
        &mut self,
        cx: &mut Context<'_>,
        request: &UpdateFeaturesRequest,
    ) -> ControllerResult<UpdateFeaturesResponse> {
        match self.feature_records(cx, &request.feature_updates) {
            Ok(records) => {
                let result = |update: &FeatureUpdateKey| UpdatableFeatureResult {
                    feature: update.feature.clone(),
                    error_message: None,
                    ..Default::default()
                };
                let results = request.feature_updates.iter().map(result).collect();
                let response = UpdateFeaturesResponse { error_message: None, results, ..Default::default() };
                let records = if request.validate_only { Vec::new() } else { records };
                ControllerResult::atomic(records, response)
            }
            Err(error) => ControllerResult::unchanged(UpdateFeaturesResponse {
                error_code: error.code.code(),
                error_message: Some(format!(
                    "The update failed for all features since the following feature had an error: {}",
                    error.message
                )),
                ..Default::default()
            }),
        }
    }

    fn feature_records(
        &self,
        cx: &Context<'_>,
        updates: &[FeatureUpdateKey],
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        let mut proposed: BTreeMap<&str, i16> = cx.image.features.all();
        proposed.extend(updates.iter().map(|update| (update.feature.as_str(), update.max_version_level)));
        let mut records = Vec::new();
        for update in updates {
            let (name, level) = (update.feature.as_str(), update.max_version_level);
            let Some(kind) = upgrade_type(update) else {
                return Err(invalid(name, level, "The controller does not support the given upgrade type."));
            };
            let is_kraft = name == feature::KRAFT_VERSION;
            let current = if is_kraft { cx.kraft_version } else { cx.image.features.level(name) };
            if level < 0 {
                return Err(invalid(name, level, "A feature version cannot be less than 0."));
            }
            self.check_supported(cx, name, level).map_err(|why| invalid(name, level, why))?;
            if level < current && kind == UpgradeType::Upgrade {
                let why = "Can't downgrade the version of this feature without setting the upgrade type to either safe \
                           or unsafe downgrade.";
                return Err(invalid(name, level, why));
            }
            if level > current && kind != UpgradeType::Upgrade {
                return Err(invalid(name, level, "Can't downgrade to a newer version."));
            }
            if name == MetadataVersion::FEATURE_NAME {
                check_metadata_version(cx.image.features.metadata_version, level, kind)?;
            } else if is_kraft {
                if level < current {
                    return Err(invalid(name, level, "Can't downgrade the version of this feature."));
                }
                if level > current {
                    let why = "A quorum that controller.quorum.voters describes stays as it is.";
                    return Err(invalid(name, level, why));
                }
                continue;
            } else {
                check_dependencies(name, level, &proposed).map_err(|why| invalid(name, level, why))?;
            }
            records.push(FeatureLevelRecord { name: name.to_owned(), feature_level: level }.into());
            if name == feature::ELIGIBLE_LEADER_REPLICAS && level > 0 && current == 0 {
                self.prepare_for_elr(cx, &mut records);
            }
        }
        Ok(records)
    }

    /// With ELR the cluster has one `min.insync.replicas`, written down, and brokers have none of their own.
    fn prepare_for_elr(&self, cx: &Context<'_>, records: &mut Vec<MetadataRecord>) {
        let config = |resource: &ConfigResource, value: Option<String>| ConfigRecord {
            resource_type: resource.resource_type.code(),
            resource_name: resource.name.clone(),
            name: MIN_INSYNC_REPLICAS.to_owned(),
            value,
        };
        let default = ConfigResource::default_broker();
        if cx.image.configs.value(&default, MIN_INSYNC_REPLICAS).is_none() {
            let min_isr = TopicRules::new(cx.image, &self.settings).min_isr(&Default::default());
            records.push(config(&default, Some(min_isr.to_string())).into());
        }
        for (resource, configs) in cx.image.configs.iter() {
            let of_one_broker = resource.resource_type == default.resource_type && !resource.name.is_empty();
            if of_one_broker && configs.contains_key(MIN_INSYNC_REPLICAS) {
                records.push(config(resource, None).into());
            }
        }
        records.push(ClearElrRecord::default().into());
    }

    /// Whether this node, every broker and every controller support the level; otherwise who does not.
    fn check_supported(&self, cx: &Context<'_>, name: &str, level: i16) -> Result<(), String> {
        let check = |who: String, range: Option<VersionRange>| match range
            .unwrap_or(VersionRange { min: 0, max: 0 })
        {
            range if range.contains(level) => Ok(()),
            VersionRange { max: 0, .. } => Err(format!("{who} does not support this feature.")),
            VersionRange { min, max } if min == max => Err(format!("{who} only supports versions {min}")),
            VersionRange { min, max } => Err(format!("{who} only supports versions {min}-{max}")),
        };
        let local = feature::supported_features()
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, range)| range);
        check(format!("Local controller {}", self.settings.node_id), local)?;
        for broker in cx.image.cluster.brokers() {
            check(format!("Broker {}", broker.id), broker.supported_features.get(name).copied())?;
        }
        for controller in cx.image.cluster.controllers().filter(|c| c.id != self.settings.node_id) {
            check(format!("Controller {}", controller.id), controller.supported_features.get(name).copied())?;
        }
        Ok(())
    }
}

fn check_metadata_version(
    current: Option<MetadataVersion>,
    level: i16,
    kind: UpgradeType,
) -> Result<(), ApiError> {
    let refuse = |message: String| ApiError::new(ErrorCode::InvalidUpdateVersion, message);
    let unknown = || refuse(format!("Invalid metadata.version {level}. Unknown metadata.version."));
    let wanted = MetadataVersion::from_level(level).ok_or_else(unknown)?;
    let Some(current) = current.filter(|current| wanted < *current && current.metadata_changed_to(wanted))
    else {
        return Ok(());
    };
    let why = if kind == UpgradeType::UnsafeDowngrade {
        "Unsafe metadata downgrade is not supported in this version."
    } else {
        "Refusing to perform the requested downgrade because it might delete metadata information."
    };
    Err(refuse(format!(
        "Unsupported metadata.version downgrade from {} to {}. {why}",
        current.level(),
        wanted.level()
    )))
}

/// Whether the levels that this one needs are there, or come with the same request.
pub(crate) fn check_dependencies(
    name: &str,
    level: i16,
    proposed: &BTreeMap<&str, i16>,
) -> Result<(), String> {
    let Some(feature) = feature::find(name) else { return Err(format!("Feature {name} not found.")) };
    if let Some(needed) = feature.required_metadata_version(level)
        && proposed.get(MetadataVersion::FEATURE_NAME).is_none_or(|version| *version < needed)
    {
        let version = MetadataVersion::from_level(needed).map_or("unknown", MetadataVersion::name);
        return Err(format!(
            "{name} could not be set to {level} because it depends on metadata.version={needed} ({version})"
        ));
    }
    Ok(())
}
