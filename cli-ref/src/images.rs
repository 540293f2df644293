//! The images that come with the command, as Dockerfiles.

/// The image of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgentImage {
    /// The agent's word.
    pub(crate) agent: &'static str,
    /// What it is built on where nothing else is asked for.
    pub(crate) base: &'static str,
    /// How it is built; `BASE` is an argument of each.
    pub(crate) dockerfile: &'static str,
    /// What npm calls the agent; then the agent's word and this are arguments too.
    package: Option<&'static str>,
}

const SHELL: &str = "shell";
const NPM: &str = include_str!("../images/npm/Dockerfile");

/// What npm calls each agent that has an image: the agent's word, a space, the package; a line each.
const PACKAGES: &str = include_str!("../images/npm/packages");

impl AgentImage {
    /// All of them, the one that the others are built on first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let shell = Self {
            agent: SHELL,
            base: "debian:stable-slim",
            dockerfile: include_str!("../images/shell/Dockerfile"),
            package: None,
        };
        let packages = PACKAGES.lines().filter_map(|line| line.split_once(' '));
        std::iter::once(shell).chain(packages.map(|(agent, package)| Self {
            agent,
            base: "sessctl-shell:latest",
            dockerfile: NPM,
            package: Some(package),
        }))
    }

    /// The arguments of its Dockerfile, on `base`.
    pub(crate) fn arguments<'a>(&self, base: &'a str) -> Vec<(&'static str, &'a str)> {
        let agent = self.package.map(|package| [("AGENT", self.agent), ("PACKAGE", package)]);
        [("BASE", base)].into_iter().chain(agent.into_iter().flatten()).collect()
    }

    /// The image of an agent.
    pub(crate) fn of_agent(agent: &str) -> Option<Self> {
        Self::all().find(|image| image.agent == agent)
    }

    /// The image that has this name, with or without the tag.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix("localhost/").unwrap_or(name);
        Self::all().find(|image| {
            let own = image.name();
            name == own || own.strip_suffix(":latest") == Some(name)
        })
    }

    /// What it is called in an engine.
    pub(crate) fn name(&self) -> String {
        format!("sessctl-{}:latest", self.agent)
    }

    /// The command that builds it in `backend`.
    pub(crate) fn command(&self, backend: &str) -> String {
        match self.agent {
            SHELL => format!("sessctl image build --backend {backend}"),
            agent => format!("sessctl image build {agent} --backend {backend}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AgentImage;

    /// S0.29, S2.4: each takes its base as an argument and says what it is.
    #[test]
    fn dockerfiles_take_their_base() {
        for image in AgentImage::all() {
            let text = image.dockerfile;
            let (base, agent) = (image.base, image.agent);
            assert!(text.contains(&format!("\nARG BASE={base}\nFROM ${{BASE}}\n")), "{agent}");
            let label = if image.package.is_some() { "${AGENT}" } else { agent };
            assert!(text.contains(&format!("\nLABEL sessctl.image={label}\n")), "{agent}");
            for (argument, _) in image.arguments(base) {
                assert!(text.contains(&format!("\nARG {argument}")), "{agent}: {argument}");
            }
            assert!(
                !text.contains("COPY") && !text.contains("ADD "),
                "{agent}: there is no context"
            );
        }
    }

    /// Issue 4: `start -a AGENT` in a container has an image to offer, for all but Aider: no Python of Debian's suits it.
    #[test]
    fn agents_have_images() {
        let profiles = session_core::profile::Profiles::shipped();
        let mut without = Vec::new();
        for profile in profiles.iter() {
            match &profile.image {
                Some(name) => {
                    let image = AgentImage::of_name(name).map(|image| image.agent);
                    assert_eq!(image, Some(profile.name.as_str()), "{name}");
                }
                None => without.push(profile.name.as_str()),
            }
        }
        assert_eq!(without, ["aider", "shell"]);
    }

    #[test]
    fn names() {
        for name in ["sessctl-claude", "sessctl-claude:latest", "localhost/sessctl-claude:latest"] {
            assert_eq!(AgentImage::of_name(name), AgentImage::of_agent("claude"), "{name}");
        }
        for name in ["claude", "sessctl-claude:1", "sessctl-", "sessctl-other", ""] {
            assert_eq!(AgentImage::of_name(name), None, "{name}");
        }
    }
}
