import PluginAPI
import PluginKit

/// The verbs of `skiff sif` that this plugin adds.
enum KeyCommands {
    static var handlers: [Handler] {
        [
            .strings("sif-keys") { session, list, count in
                KeyCommands.run(session, list, count) { (session, image) throws(PluginError) in
                    try KeyListing.print(image, session)
                }
            },
            .strings("sif-rekey") { session, list, count in
                KeyCommands.run(session, list, count) { (session, image) throws(PluginError) in
                    try Rekeying(image, session).run()
                }
            },
        ]
    }

    private static func run(
        _ pointer: OpaquePointer?, _ list: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt64,
        _ body: (Session, String) throws(PluginError) -> Void
    ) -> Int32 {
        Kit.run(pointer) { (session) throws(PluginError) in
            guard let image = Kit.strings(list, count).first else {
                throw PluginError("cannot work without an image", status: SKIFF_E_INTERNAL)
            }
            try body(session, image)
            return SKIFF_OK
        }
    }
}
