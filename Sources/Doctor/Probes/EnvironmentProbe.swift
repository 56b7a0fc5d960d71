import Base
import Linux

/// Variables and directories of the host that come before what the image has.
struct EnvironmentProbe {
    let home: String

    private static let names = [
        "LD_PRELOAD", "PYTHONPATH", "PYTHONHOME", "R_LIBS", "R_LIBS_USER", "PERL5LIB", "CONDA_PREFIX",
    ]

    func findings() -> [Finding] {
        var found = Self.names.filter { environmentValue($0)?.isEmpty == false }.map { name in
            Finding(
                "environment", .note, "\(name) is set", effect: "programs of the image get the host's \(name)",
                cure: "--cleanenv")
        }
        let libraries = home + "/.local/lib"
        if let folder = try? open(libraries, [.read, .directory]),
            let names = try? entries(of: folder.raw), names.contains(where: { $0.text.hasPrefix("python") })
        {
            found.append(
                Finding(
                    "environment", .note, "there are Python packages in \(libraries)",
                    effect: "they come before those of the image", cure: "--env PYTHONNOUSERSITE=1, or --no-home"))
        }
        return found
    }
}
