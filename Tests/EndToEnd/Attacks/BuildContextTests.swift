import Foundation
import Linux
import TestSupport
import Testing

extension EndToEnd {
    /// The boundary between a stranger's Dockerfile and files of the host outside its context.
    @Suite(.cleanHost) struct BuildContextBoundary {
        /// Places of images; `OUT` is a directory next to the context, and `out-link` in the context leads there.
        static let names = [
            "OUT", "../outside", "./../outside", "./out-link", "out-link/", "localimage:OUT", "localimage://OUT",
            "localimage:../outside", "localimage:out-link", "oci:OUT", "oci:OUT:tag", "oci-archive:OUT/key",
            "docker-archive:OUT/key:tag", "./box/../../outside",
        ]

        @Test(arguments: Profile.allCases) func imagesLieInTheContext(profile: Profile) throws {
            try need(profile.facility)
            let folder = try WorkDirectory.make(for: profile)
            let (context, outside) = (folder + "/context", folder + "/outside")
            try makeDirectories(context)
            try FileManager.default.copyItem(atPath: try Images.shared.get().directory, toPath: context + "/box")
            try makeDirectories(outside)
            try writeFile(outside + "/key", Array("top-secret\n".utf8), mode: 0o644)
            try makeSymlink(outside, at: context + "/out-link")
            for name in Self.names.map({ $0.replacingOccurrences(of: "OUT", with: outside) }) {
                for text in [
                    "FROM \(name)\n", "FROM scratch\nCOPY --from=\(name) /key /stolen\n",
                    "FROM scratch\nCOPY box/ /\nRUN --mount=type=bind,from=\(name),target=/m cat /m/key\n",
                ] {
                    try writeFile(context + "/Dockerfile", Array(text.utf8), mode: 0o644)
                    let outcome = try skiff(
                        "build", "--sandbox", folder + "/box", context + "/Dockerfile", as: profile)
                    #expect(outcome.end == .exited(255), "\(text)\(outcome)")
                    #expect(!(outcome.standardOutput + outcome.standardError).contains("top-secret"), "\(outcome)")
                    #expect((try? status(folder + "/box", follow: false)) == nil, "\(text)\(outcome)")
                }
            }
        }

        /// What the boundary allows: an image in the context, by its name there.
        @Test(arguments: Profile.allCases) func imagesOfTheContextAreTaken(profile: Profile) throws {
            try need(profile.facility)
            let folder = try WorkDirectory.make(for: profile)
            try makeDirectories(folder + "/context")
            try FileManager.default.copyItem(
                atPath: try Images.shared.get().directory, toPath: folder + "/context/base")
            for name in ["./base", folder + "/context/base", "localimage:base"] {
                try writeFile(folder + "/context/Dockerfile", Array("FROM \(name)\n".utf8), mode: 0o644)
                let outcome = try skiff(
                    "build", "--force", "--sandbox", folder + "/box", folder + "/context/Dockerfile", as: profile)
                #expect(outcome.isSuccess, "\(name): \(outcome)")
            }
        }
    }
}
