import PluginAPI
import PluginKit

/// The verbs of `skiff overlay`: handlers that turn words and flags into values.
enum OverlayCommands {
    static var handlers: [Handler] {
        [
            .strings("overlay-create") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlayCreation(session, image: words[0]).run()
                }
            },
            .strings("overlay-list") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlayListing.print(words[0], session)
                }
            },
            .strings("overlay-check") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlayCheck(session).check(words[0])
                }
            },
            .strings("overlay-repair") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlayCheck(session).repair(words[0])
                }
            },
            .strings("overlay-resize") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    guard let text = try session.flag("size").last else {
                        throw PluginError("cannot resize the overlay of \(words[0]): --size is missing")
                    }
                    try OverlayRewriting(session, image: words[0]).resize(to: try OverlaySize(text).bytes)
                }
            },
            .strings("overlay-snapshot") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlaySnapshot(session, image: words[0]).save(as: words[1])
                }
            },
            .strings("overlay-rollback") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlayRewriting(session, image: words[0]).rollBack(to: words[1])
                }
            },
            .strings("overlay-seal") { session, list, count in
                OverlayCommands.run(session, list, count) { (session, words) throws(PluginError) in
                    try OverlaySeal(session, image: words[0]).run()
                }
            },
            .strings("overlay-sync") { session, list, count in
                OverlayCommands.run(session, list, count) { (_, words) throws(PluginError) in
                    throw PluginError(
                        "cannot synchronize the overlay of \(words[0]): only an OCI-SIF has digests of it to keep\n"
                            + "What is written to an overlay of any other image is in it at once",
                        status: SKIFF_E_UNSUPPORTED)
                }
            },
        ]
    }

    /// The host has counted the words.
    private static func run(
        _ pointer: OpaquePointer?, _ list: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt64,
        _ body: (Session, [String]) throws(PluginError) -> Void
    ) -> Int32 {
        Kit.run { () throws(PluginError) in
            let words = Kit.strings(list, count)
            guard let session = Session(pointer), !words.isEmpty else {
                throw PluginError("cannot run without a session", status: SKIFF_E_INTERNAL)
            }
            try body(session, words)
        }
    }
}
