//! Every feature that a run has set on a camera, to be set again when it comes back.

/// Commands by which other features get their values: they are executed again in their place.
const REPEATED: &[&str] = &["UserSetLoad"];

/// A camera whose features can be set.
pub(super) trait Features {
    /// Why a feature was not set.
    type Refused;

    /// What a feature can be.
    type Kind: Copy;

    /// Asks what a feature is, of which `value` is to be set.
    fn ask(&mut self, name: &str, value: &str) -> Result<Self::Kind, Self::Refused>;

    /// Sets a feature as what it is.
    fn write(&mut self, kind: Self::Kind, name: &str, value: &str) -> Result<(), Self::Refused>;

    /// Whether it is a command, which leaves nothing to be set again.
    fn is_command(kind: Self::Kind) -> bool;

    /// Whether the camera did not hear it, rather than refuse it.
    fn is_unheard(refused: &Self::Refused) -> bool;
}

/// A feature that was set, among the selectors that were set before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    selectors: Vec<(String, String)>,
    name: String,
    value: String,
}

/// Every feature that was set, in the order that counts.
#[derive(Debug)]
pub(super) struct Settings<F: Features> {
    selectors: Vec<(String, String)>,
    made: Vec<Setting>,
    kinds: Vec<(String, F::Kind)>,
}

impl<F: Features> Default for Settings<F> {
    fn default() -> Self {
        Settings { selectors: Vec::new(), made: Vec::new(), kinds: Vec::new() }
    }
}

impl<F: Features> Settings<F> {
    /// Sets a feature and notes it. Of commands only those are noted that set others.
    pub fn set(&mut self, camera: &mut F, name: &str, value: &str) -> Result<(), F::Refused> {
        if !F::is_command(self.apply(camera, name, value)?) || REPEATED.contains(&name) {
            self.note(name, value);
        }
        Ok(())
    }

    /// Sets a feature as what it is.
    fn apply(&mut self, camera: &mut F, name: &str, value: &str) -> Result<F::Kind, F::Refused> {
        if let Some((_, kind)) = self.kinds.iter().find(|(n, _)| n == name) {
            return camera.write(*kind, name, value).map(|()| *kind);
        }
        let kind = camera.ask(name, value)?;
        camera.write(kind, name, value)?;
        // Only now: what was refused may have been asked for at a moment when the camera did not tell.
        self.kinds.push((name.into(), kind));
        Ok(kind)
    }

    fn note(&mut self, name: &str, value: &str) {
        let pair = (name.to_string(), value.to_string());
        if name.ends_with("Selector") {
            match self.selectors.iter_mut().find(|(n, _)| n == name) {
                Some(known) => *known = pair,
                None => self.selectors.push(pair),
            }
            return;
        }
        let selectors = self.selectors.clone();
        // The later one counts, in its later place.
        self.made.retain(|s| s.name != name || s.selectors != selectors);
        self.made.push(Setting { selectors, name: pair.0, value: pair.1 });
    }

    /// Sets everything again. Some features can only be set after others (a region's size before its place),
    /// so those that are refused have another turn as long as others succeed.
    pub fn restore(&mut self, camera: &mut F) -> Result<(), F::Refused> {
        let mut left = self.made.clone();
        let selectors = self.selectors.clone();
        let mut current: Vec<(String, String)> = Vec::new();
        while !left.is_empty() {
            let before = left.len();
            let (mut refused, mut waits) = (None, false);
            for setting in std::mem::take(&mut left) {
                if !left.is_empty() && (waits || REPEATED.contains(&setting.name.as_str())) {
                    // What was set before it, and what after, stays so.
                    waits = true;
                    left.push(setting);
                    continue;
                }
                let done = self
                    .select(camera, &setting.selectors, &mut current)
                    .and_then(|()| self.apply(camera, &setting.name, &setting.value));
                match done {
                    Ok(_) => {}
                    Err(why) if F::is_unheard(&why) => return Err(why),
                    Err(why) => {
                        refused = Some(why);
                        left.push(setting);
                    }
                }
            }
            if left.len() == before
                && let Some(why) = refused
            {
                return Err(why);
            }
        }
        self.select(camera, &selectors, &mut current)
    }

    fn select(
        &mut self,
        camera: &mut F,
        selectors: &[(String, String)],
        current: &mut Vec<(String, String)>,
    ) -> Result<(), F::Refused> {
        for (name, value) in selectors {
            if current.iter().any(|(n, v)| n == name && v == value) {
                continue;
            }
            // What a selector is that refused is not known.
            current.retain(|(n, _)| n != name);
            self.apply(camera, name, value)?;
            current.push((name.clone(), value.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(settings: &Settings<Picky>) -> Vec<String> {
        let text = |s: &Setting| {
            let selectors: Vec<_> = s.selectors.iter().map(|(n, v)| format!("[{n}={v}]")).collect();
            format!("{}{}={}", selectors.concat(), s.name, s.value)
        };
        settings.made.iter().map(text).collect()
    }

    #[test]
    fn the_last_value_counts_and_memory_does_not_grow() {
        // Catches a list that grows with every change of the exposure.
        let mut settings = Settings::<Picky>::default();
        settings.note("Gain", "1");
        (0..1000).for_each(|n| settings.note("ExposureTime", &n.to_string()));
        settings.note("Gain", "2");
        assert_eq!(noted(&settings), ["ExposureTime=999", "Gain=2"]);
    }

    #[test]
    fn what_a_selector_chose_is_kept_apart() {
        // Catches a restored camera where the last of several lines or gains got all the settings.
        let mut settings = Settings::<Picky>::default();
        for (line, on) in [("Line1", "true"), ("Line2", "false"), ("Line1", "false")] {
            settings.note("LineSelector", line);
            settings.note("LineInverter", on);
        }
        assert_eq!(
            noted(&settings),
            ["[LineSelector=Line2]LineInverter=false", "[LineSelector=Line1]LineInverter=false"]
        );
    }

    /// A camera that lets `Offset` be set only after `Width`, and `LineSelector` be `Line3` only after `Mode`.
    struct Picky(Vec<String>);

    impl Features for Picky {
        type Refused = &'static str;
        /// Whether it is a command.
        type Kind = bool;
        fn ask(&mut self, name: &str, _: &str) -> Result<bool, &'static str> {
            Ok(name.ends_with("Load"))
        }
        fn is_command(kind: bool) -> bool {
            kind
        }
        fn write(&mut self, _: bool, name: &str, value: &str) -> Result<(), &'static str> {
            match name {
                "Gone" => Err("unheard"),
                "Never" => Err("never"),
                "Offset" if !self.0.iter().any(|s| s.starts_with("Width")) => Err("width first"),
                "LineSelector" if value == "Line3" && !self.0.iter().any(|s| s == "Mode=3") => {
                    Err("mode first")
                }
                _ => {
                    self.0.push(format!("{name}={value}"));
                    Ok(())
                }
            }
        }
        fn is_unheard(refused: &&'static str) -> bool {
            *refused == "unheard"
        }
    }

    #[test]
    fn a_selector_that_was_refused_is_chosen_again() {
        // Catches a feature that is set under whatever selector the camera has, where the right one was refused.
        let mut settings = Settings::<Picky>::default();
        let line3 = ("LineSelector", "Line3");
        let line1 = ("LineSelector", "Line1");
        for (name, value) in [line3, ("LineInverter", "true"), line1, ("Mode", "3")] {
            settings.note(name, value);
        }
        let mut camera = Picky(Vec::new());
        settings.restore(&mut camera).unwrap();
        let line = |n| format!("LineSelector=Line{n}");
        let inverter = "LineInverter=true".to_string();
        assert_eq!(camera.0, [line(1), "Mode=3".into(), line(3), inverter, line(1)]);
    }

    #[test]
    fn a_user_set_is_loaded_again() {
        // Catches a camera that comes back with its factory's settings, and is called restored.
        let mut settings = Settings::<Picky>::default();
        let mut camera = Picky(Vec::new());
        let wanted = [("UserSetSelector", "UserSet1"), ("UserSetLoad", "execute"), ("Gain", "2")];
        for (name, value) in wanted {
            settings.set(&mut camera, name, value).unwrap();
        }
        let mut again = Picky(Vec::new());
        settings.restore(&mut again).unwrap();
        assert_eq!(again.0, camera.0);
    }

    #[test]
    fn what_was_refused_has_another_turn() {
        // Catches a camera that comes back at another place of its sensor, a command that is run again, and a
        // camera that is taken for restored though it refused.
        let mut settings = Settings::<Picky>::default();
        for (name, value) in [("Offset", "8"), ("Width", "16")] {
            settings.note(name, value);
        }
        let mut camera = Picky(Vec::new());
        settings.set(&mut camera, "Load", "execute").unwrap();
        settings.restore(&mut camera).unwrap();
        assert_eq!(camera.0, ["Load=execute", "Width=16", "Offset=8"]);
        settings.set(&mut camera, "UserSetLoad", "execute").unwrap();
        settings.set(&mut camera, "Gain", "3").unwrap();
        camera.0.clear();
        settings.restore(&mut camera).unwrap();
        assert_eq!(camera.0, ["Width=16", "Offset=8", "UserSetLoad=execute", "Gain=3"]);
        settings.note("Never", "1");
        assert_eq!(settings.restore(&mut camera), Err("never"));
        settings.note("Gone", "1");
        assert_eq!(settings.restore(&mut camera), Err("unheard"));
    }
}
