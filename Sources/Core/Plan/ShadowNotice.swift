import CLinux
import Linux

/// What of the host a program finds in place of the image's own: variables that lead interpreters and the loader to other
/// libraries, and what the user has installed below the home directory. A common cause of results that differ from
/// machine to machine, which no error tells.
struct ShadowNotice {
    /// An array: a set would be made by every launch, for a few questions.
    private static let variables = [
        "LD_PRELOAD", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "R_HOME", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE",
        "PERL5LIB", "PERL5OPT", "PERL_LOCAL_LIB_ROOT", "NODE_PATH", "GEM_PATH", "GEM_HOME",
    ]

    /// `~/.local/lib/python3.11`, where Python looks before the image's packages; sorted.
    static func libraries(below home: String) -> [String] {
        guard let directory = try? open(home + "/.local/lib", O_RDONLY | O_DIRECTORY),
            let found = try? entries(of: directory.raw)
        else { return [] }
        return found.map(\.text).filter { $0.hasPrefix("python") }.sorted().map { "~/.local/lib/" + $0 }
    }

    private let causes: [String]
    private let flags: [String]

    /// - Parameter libraries: those of the home directory, if it is mounted.
    /// - Returns: nil when there is nothing to tell.
    init?(_ environment: EnvironmentPlan, libraries: [String]) {
        let user =
            environment.variables.contains { $0.name == "PYTHONNOUSERSITE" && !$0.value.isEmpty }
            || environment.overrides.contains { $0.name == "PYTHONNOUSERSITE" && !$0.value.isEmpty }
        var names: [String] = []
        for variable in environment.variables where variable.origin == "host" && !variable.value.isEmpty {
            guard Self.variables.contains(variable.name) else { continue }
            if !environment.overrides.contains(where: { $0.name == variable.name }) { names.append(variable.name) }
        }
        let kept = user ? [] : libraries
        if names.isEmpty && kept.isEmpty { return nil }
        causes = names + kept
        flags = (names.isEmpty ? [] : ["--cleanenv"]) + (kept.isEmpty ? [] : ["--no-home"])
    }

    /// One line.
    var text: String {
        "\(causes.joined(separator: ", ")) of the host \(causes.count == 1 ? "goes" : "go") before what the image has: "
            + "\(flags.joined(separator: " ")) leaves that out (shadow notice = no in skiff.conf ends this notice)"
    }
}
