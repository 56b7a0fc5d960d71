import CLinux
import Foundation
import Linux
import TestSupport
import Testing

/// A directory of one test with overlays in it.
struct OverlayPlace {
    let profile: Profile
    let folder: String
    var sif: String { folder + "/x.sif" }
    var image: String { folder + "/o.img" }

    init(_ profile: Profile) throws {
        self.profile = profile
        folder = try WorkDirectory.make(for: profile)
    }

    func addSIF() throws {
        let copied = try Command(["/bin/cp", try Images.shared.get().sif, sif], as: profile).run()
        try #require(copied.isSuccess, "\(copied)")
        try chmod(sif, 0o644)
    }

    func command(_ words: [String]) throws -> Command {
        try skiffCommand(["overlay"] + words, as: profile) {
            $0.directory = folder
            $0.environment["APPTAINER_CONFIGDIR"] = folder + "/configuration"
            $0.environment["TMPDIR"] = Stage.temporary
        }
    }

    func overlay(_ words: String...) throws -> Outcome { try command(words).run() }

    /// What debugfs says about a directory: inode, mode, owner, group and name.
    func list(_ directory: String, in file: String, offset: Int64 = 0) throws -> String {
        let place = offset > 0 ? "\(file)?offset=\(offset)" : file
        return try Command(["/sbin/debugfs", "-R", "ls -p \(directory)", place], as: .current).run()
            .standardOutput
    }

    func isClean(_ file: String, offset: Int64 = 0) throws -> Bool {
        try Command(["/sbin/e2fsck", "-fn", offset > 0 ? "\(file)?offset=\(offset)" : file], as: .current)
            .run().isSuccess
    }

    /// Where the overlay of the SIF lies.
    func partition() throws -> (id: Int, offset: Int64, size: Int64)? {
        let list = try overlay("list", sif).standardOutput.split(separator: "\n").last?.split(separator: " ")
        guard let list, let id = Int(list[0]), let offset = list.last.flatMap({ Int64($0) }) else { return nil }
        let text = try skiff("sif", "info", String(id), sif, as: profile).standardOutput
        let size = text.split(separator: "\n").first { $0.contains("Size:") }?.split(separator: " ").last
        return (id, offset, size.flatMap { Int64($0) } ?? 0)
    }
}
