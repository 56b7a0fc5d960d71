import Foundation
import Linux

/// The directory with Package.swift.
package let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

/// Where SwiftPM puts what it builds: the directory of the test bundle that this process runs.
package let products: String = {
    let bundle = (try? readLink("/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
}()

/// The path of a program that was built with the tests.
package func product(_ name: String) -> String { products + "/" + name }

package let imageTool = product("skiff-image")
