package import Packing

/// The parts of a record to show.
package struct Selection {
    package var all = false
    /// Empty for the container itself.
    package var app = ""
    package var listApps = false
    package var deffile = false
    package var environment = false
    package var helpfile = false
    package var labels = false
    package var runscript = false
    package var startscript = false
    package var test = false

    package init() {}

    /// Whether nothing was selected: then labels are shown.
    package var isEmpty: Bool {
        !(listApps || deffile || environment || helpfile || labels || runscript || startscript || test)
    }

    /// Returns the selected part of a record.
    package func apply(to record: ImageRecord) -> InspectMetadata {
        let whole = record.metadata
        if all { return whole }
        var result = InspectMetadata()
        if app.isEmpty {
            result.container = part(of: whole.container)
        } else if let section = whole.apps[app] {
            result.apps[app] = part(of: section)
        }
        switch record.source {
        case .object:
            if deffile { result.deffile = whole.deffile }
            if listApps { result.apps = whole.apps }
        case .files:
            if deffile, app.isEmpty { result.deffile = whole.deffile }
            if listApps { result.apps.merge(whole.apps.mapValues { _ in .init() }) { mine, _ in mine } }
        }
        return result
    }

    private func part(of section: InspectMetadata.Section) -> InspectMetadata.Section {
        var result = InspectMetadata.Section()
        if environment { result.environment = section.environment }
        if labels { result.labels = section.labels }
        if runscript { result.runscript = section.runscript }
        if startscript { result.startscript = section.startscript }
        if test { result.test = section.test }
        if helpfile { result.helpfile = section.helpfile }
        return result
    }

    /// Returns the metadata as text: names of applications, then the definition, scripts, variables and labels, without
    /// headings.
    package func text(of metadata: InspectMetadata) -> String {
        var lines: [String] = []
        if listApps { lines += sortedKeys(metadata.apps) }
        let section = app.isEmpty ? metadata.container : metadata.apps[app] ?? .init()
        let texts = [metadata.deffile, section.runscript, section.startscript, section.test, section.helpfile]
        lines += texts.filter { !$0.isEmpty }
        for path in sortedKeys(section.environment) {
            lines += ["=== \(path) ===", section.environment[path] ?? "", ""]
        }
        for name in sortedKeys(section.labels) { lines.append("\(name): \(section.labels[name] ?? "")") }
        return lines.map { $0 + "\n" }.joined()
    }
}
