import Base
import Core
import Dockerfile
import OCI
import Packing

/// What a built Dockerfile leaves to the build: the same scripts, labels and record as an OCI image of that configuration
/// would (Docs/spec/deffile.md §9).
struct DockerfileResult {
    let config: ContainerConfig
    /// What the image that it started from brought along.
    let base: BaseContent

    /// - Parameter root: the files of the image.
    func content(_ root: RootTree) throws(SkiffError) -> BaseContent {
        let whole = JSONText.members([
            "architecture": .string(SIFArchitecture.host.name), "os": .string("linux"), "config": config.json,
        ])
        let recorded = try OCIConfig(parsing: Array(whole.text().utf8))
        let scripts = OCIScripts(recorded)
        var content = BaseContent()
        content.keepsMetadata = base.keepsMetadata
        content.fixesPermissions = true
        content.created = base.created
        content.labels = base.labels
        content.files = [
            .init(path: OCIScripts.environmentPath, bytes: environment(scripts.environment, root), mode: 0o755)
        ]
        // An image of ours keeps the runscript that it has, unless the Dockerfile gives another one.
        if !scripts.keepsRunscript, !content.keepsMetadata || config.entrypoint != nil || config.command != nil {
            content.files.append(
                .init(path: OCIScripts.runscriptPath, bytes: Array(scripts.runscript.utf8), mode: 0o755))
        }
        if content.keepsMetadata {
            content.labels += recorded.labels.map { .init(key: $0.name, value: $0.value) }
        } else {
            content.files.append(.init(path: "/.singularity.d/labels.json", bytes: scripts.labels, mode: 0o644))
        }
        content.objects = [.init(path: "oci-config.json", bytes: Array(recorded.runtime.text().utf8), mode: 0)]
        return content
    }

    /// Returns the environment script, which ends with what the base has there: of two lines for one variable the first counts,
    /// and of PATH the last.
    private func environment(_ text: String, _ root: RootTree) -> [UInt8] {
        guard base.keepsMetadata, let old = root.read(OCIScripts.environmentPath) else {
            return Array(text.utf8)
        }
        let path = Array("export PATH=".utf8)
        let isPathOurs = text.contains("\nexport PATH=")
        let lines = old.split(separator: 0x0A).filter { line in
            line.first != 0x23 && !(isPathOurs && line.starts(with: path))
        }
        return Array(text.utf8) + lines.flatMap { $0 + [0x0A] }
    }
}
