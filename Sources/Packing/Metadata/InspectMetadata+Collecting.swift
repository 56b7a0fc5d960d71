package import Base
import Core
package import Linux

extension InspectMetadata {
    /// Returns the record of an image, made from its files.
    package static func collect(root: TreeRoot) throws(SkiffError) -> InspectMetadata {
        try InspectMetadata(collecting: DirectoryFiles(root: root))
    }

    package init(collecting files: any ImageFiles) throws(SkiffError) {
        container = try Section(collecting: files, in: "/.singularity.d")
        deffile = try Self.trimmed(files.text("/.singularity.d/Singularity"))
        for name in try files.names("/scif/apps") {
            let folder = "/scif/apps/\(name)/scif"
            if try files.names(folder).isEmpty { continue }
            apps[name] = try Section(collecting: files, in: folder)
        }
    }

    fileprivate static func trimmed(_ text: String?) -> String {
        guard let text else { return "" }
        let bytes = Array(text.utf8)
        let end = bytes.lastIndex { $0 != 0x0A }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

extension InspectMetadata.Section {
    fileprivate init(collecting files: any ImageFiles, in folder: String) throws(SkiffError) {
        for name in try files.names(folder + "/env") where Self.isShown(name) {
            let path = "\(folder)/env/\(name)"
            if let text = try files.text(path) { environment[path] = InspectMetadata.trimmed(text) }
        }
        labels = try Self.labels(files, folder + "/labels.json")
        runscript = try InspectMetadata.trimmed(files.text(folder + "/runscript"))
        startscript = try InspectMetadata.trimmed(files.text(folder + "/startscript"))
        test = try InspectMetadata.trimmed(files.text(folder + "/test"))
        helpfile = try InspectMetadata.trimmed(files.text(folder + "/runscript.help"))
    }

    /// Returns whether a script is shown: `10-docker*.sh` and `9*-environment.sh`, which the authors of the image and
    /// its base wrote.
    private static func isShown(_ name: String) -> Bool {
        (name.hasPrefix("10-docker") && name.hasSuffix(".sh"))
            || (name.hasPrefix("9") && name.hasSuffix("-environment.sh"))
    }

    private static func labels(_ files: any ImageFiles, _ path: String) throws(SkiffError) -> [String: String] {
        guard let text = try files.text(path), !text.isEmpty else { return [:] }
        let json: JSONText
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(Array(text.utf8))
        } catch {
            throw SkiffError("cannot read the labels \(path) of the image: \(error)")
        }
        do throws(SkiffError) {
            return try strings(json)
        } catch {
            throw SkiffError("cannot read the labels \(path) of the image: they have \(error)")
        }
    }
}
