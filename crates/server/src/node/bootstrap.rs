//! The first start: what is finalized and configured before anything else.

use moldau_controller::{BootstrapOptions, ControllerResult, bootstrap_records};

use moldau_config::Settings;

use super::NodeError;
use crate::controller::ControllerHandle;

/// Writes the bootstrap records if the metadata log has none.
pub(super) async fn write_if_empty(
    controller: &ControllerHandle,
    options: BootstrapOptions,
    settings: Settings,
    dynamic_quorum: bool,
) -> Result<(), NodeError> {
    let written = controller
        .submit(move |_, context| {
            if context.image.features.metadata_version.is_some() {
                return ControllerResult::unchanged(Ok(()));
            }
            match bootstrap_records(&options, &settings, dynamic_quorum) {
                Ok((records, _)) => ControllerResult::atomic(records, Ok(())),
                Err(error) => ControllerResult::unchanged(Err(error.to_string())),
            }
        })
        .await;
    match written {
        Ok(result) => result.map_err(NodeError),
        Err(error) => {
            Err(NodeError(format!("the first start could not write its metadata: {}", error.name())))
        }
    }
}
