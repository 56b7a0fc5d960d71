import CLinux
import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// `limit container paths` decides by where the image lies, whatever its path or the directive looks like.
    @Suite(.needs(.root, .user, .fuse)) struct ImageLimits {
        /// A directory that is allowed, and one beside it whose name begins alike, each with an image.
        private struct Place {
            let folder: String
            var allowed: String { folder + "/allowed" }
            var beside: String { folder + "/allowed-not" }

            init() throws {
                folder = try WorkDirectory.make(for: .current)
                try Linux.chmod(folder, 0o755)
                let image = try readFile(Images.shared.get().sif)
                for directory in [folder + "/allowed", folder + "/allowed-not"] {
                    try makeDirectory(directory, mode: 0o755)
                    try writeFile(directory + "/image.sif", image, mode: 0o644)
                }
                try makeSymlink("../allowed-not/image.sif", at: folder + "/allowed/out.sif")
                try makeSymlink("allowed/image.sif", at: folder + "/in.sif")
                try makeSymlink("allowed", at: folder + "/link")
            }

            func run(_ image: String, limit: String) throws -> Outcome {
                let file = try WorkDirectory.make(for: .current) + "/skiff.conf"
                try writeFile(file, Array("limit container paths = \(limit)\n".utf8), mode: 0o644)
                return try skiff("--config", file, "exec", image, "true", as: .user)
            }
        }

        @Test func thePlaceDecides() throws {
            let place = try Place()
            let images = [
                ("/allowed/image.sif", true), ("/allowed//image.sif", true), ("/allowed/./image.sif", true),
                ("/link/image.sif", true), ("/in.sif", true), ("/allowed-not/../allowed/image.sif", true),
                ("/allowed-not/image.sif", false), ("/allowed/out.sif", false), ("/link/out.sif", false),
                ("/allowed/../allowed-not/image.sif", false),
            ]
            for (path, isAllowed) in images {
                let outcome = try place.run(place.folder + path, limit: place.allowed)
                #expect(outcome.isSuccess == isAllowed, "\(outcome)")
                #expect(isAllowed || outcome.standardError.contains("does not lie below a path"), "\(outcome)")
            }
            let image = place.allowed + "/image.sif"
            let limits = [
                (place.allowed + "/", true), (place.folder + "//allowed", true), (place.folder + "/link", true),
                (place.folder, true), ("/", true), (place.folder + "/allowed-not/../allowed", true),
                (String(place.allowed.dropLast()), false), (place.folder + "/ALLOWED", false),
                (image, false), (place.beside, false), ("allowed", false), (place.folder + "/none", false),
            ]
            for (limit, isAllowed) in limits {
                let outcome = try place.run(image, limit: limit)
                #expect(outcome.isSuccess == isAllowed, "\(limit): \(outcome)")
            }
        }
    }
}
