//! Images: what there is, pulling, building.

mod making;
mod name;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bollard::query_parameters::RemoveImageOptions;
use serde::Deserialize;
use session_core::{ErrorKind, Result, Timestamp};

pub use making::{BuildRequest, ImageProgress};
pub use name::ImageName;

use crate::Engine;
use crate::engine::escaped;

/// One image, in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageFacts {
    /// The digest, without `sha256:`: engines differ in whether they write that.
    pub id: String,
    /// What it is called, as the engine has it (`localhost/x:1` on Podman for one built here).
    pub names: Vec<String>,
    /// When it was made, if it says so.
    pub created: Option<Timestamp>,
    /// Its size in bytes, layers that other images have too included.
    pub size: u64,
    /// The user whom its programs run as; `None` is root.
    pub user: Option<String>,
    /// Where its programs run; `None` is `/`.
    pub working_dir: Option<String>,
    /// What goes before a command.
    pub entrypoint: Vec<String>,
    /// The command where none is given.
    pub command: Vec<String>,
    /// The environment, as `NAME=value`.
    pub environment: Vec<String>,
    /// Its labels, which containers made from it have too.
    pub labels: BTreeMap<String, String>,
    /// The processor it is for (`amd64`).
    pub architecture: String,
}

/// One image in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageSummary {
    /// The digest, without `sha256:`.
    pub id: String,
    /// What it is called, as the engine has it.
    pub names: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Its size in bytes.
    pub size: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// The answer to an inspection, as far as it matters; what engines leave out differs.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    user: String,
    working_dir: String,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// One line of a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    created: i64,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Engine {
    /// The image called `name`; `None` if the engine does not have it. Asks no registry.
    pub async fn image(&self, name: &ImageName) -> Result<Option<ImageFacts>> {
        let doing = format!("look for the image `{name}`");
        let path = format!("/images/{name}/json");
        let inspected = self.document::<Inspected>("engine.image", &doing, &path).await?;
        Ok(inspected.map(ImageFacts::from))
    }

    /// The images that have the label `label` (`key` or `key=value`); all with `None`.
    ///
    /// In the order of their names. An image without one is in it too.
    pub async fn images(&self, label: Option<&str>) -> Result<Vec<ImageSummary>> {
        let mut path = "/images/json".to_owned();
        if let Some(label) = label {
            let filters = serde_json::json!({ "label": [label] }).to_string();
            path = format!("{path}?filters={}", escaped(&filters));
        }
        let listed =
            self.document::<Vec<Listed>>("engine.images", "list the images", &path).await?;
        let mut images: Vec<ImageSummary> =
            listed.unwrap_or_default().into_iter().map(ImageSummary::from).collect();
        images.sort_by(|one, other| (&one.names, &one.id).cmp(&(&other.names, &other.id)));
        Ok(images)
    }

    /// Takes the name `name` from its image, and removes that if it was the last; succeeds if there
    /// is none. An image that a container was made from is `Refused`.
    pub async fn remove_image(&self, name: &ImageName) -> Result<()> {
        let options = None::<RemoveImageOptions>;
        match self.long().remove_image(name.as_str(), options, None).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                let doing = format!("remove the image `{name}`");
                let error = self.error("engine.remove-image", &doing, failure);
                if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
            }
        }
    }
}

impl ImageSummary {
    /// Whether `name` means this image.
    pub fn is_called(&self, name: &ImageName) -> bool {
        self.names.iter().any(|own| name.means(own))
    }
}

impl From<Inspected> for ImageFacts {
    fn from(inspected: Inspected) -> Self {
        let config = inspected.config.unwrap_or_default();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: digest(inspected.id),
            names: named(inspected.repo_tags),
            created: inspected.created.and_then(|time| time.parse().ok()),
            size: u64::try_from(inspected.size).unwrap_or(0),
            user: given(config.user),
            working_dir: given(config.working_dir),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            environment: config.env.unwrap_or_default(),
            labels: config.labels.unwrap_or_default(),
            architecture: inspected.architecture,
        }
    }
}

impl From<Listed> for ImageSummary {
    fn from(listed: Listed) -> Self {
        Self {
            id: digest(listed.id),
            names: named(listed.repo_tags),
            created: Timestamp::from_milliseconds(listed.created.saturating_mul(1000)),
            size: u64::try_from(listed.size).unwrap_or(0),
            labels: listed.labels.unwrap_or_default(),
        }
    }
}

fn digest(id: String) -> String {
    id.strip_prefix("sha256:").map(str::to_owned).unwrap_or(id)
}

/// Docker lists an image without a name as `<none>:<none>`.
fn named(tags: Option<Vec<String>>) -> Vec<String> {
    tags.unwrap_or_default().into_iter().filter(|tag| !tag.contains("<none>")).collect()
}
