extension Settings {
    /// The `always use …` directives that say anything but no: plugins are then used without a flag.
    package var alwaysUsed: [String] {
        var names = lines.filter { $0.name.hasPrefix("always use ") && $0.text != "no" }.map(\.name)
        for (directive, isSet) in [("always use nv", self.alwaysUseNvidia), ("always use rocm", self.alwaysUseROCm)]
        where isSet && !names.contains(directive) {
            names.append(directive)
        }
        return names
    }
}
