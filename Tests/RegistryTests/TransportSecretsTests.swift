import Testing

@testable import Registry

@Suite struct TransportSecretsTests {
    @Test(arguments: [
        ("s3://bucket/a/b:1", "bucket", "a/b"), ("s3://bucket", "bucket", ""), ("s3:///a/b", "", "a/b"),
        ("s3://ann@host:80/a@sha256:00", "host:80", "a"), ("s3://h?x=/y", "h", ""), ("s3://h/a:1/b?c#d", "h", "a:1/b"),
        ("no address", "", ""),
    ])
    func addressesNameTheirHost(uri: String, host: String, path: String) throws {
        let secrets = TransportSecrets(uri, CredentialSource(given: nil, file: try AuthFile(named: "/dev/null")))
        #expect(secrets.host == host && secrets.path == path)
    }

    @Test func givenCredentialsAreLent() throws {
        let file = try AuthFile(named: "/dev/null")
        for (credential, lent) in [
            (Credential.password(user: "ann", "x"), ["username": "ann", "password": "x"]),
            (.identityToken("t"), ["token": "t"]), (.registryToken("u"), ["token": "u"]), (.none, [:]),
        ] {
            var secrets = TransportSecrets("s3://host/a", CredentialSource(given: credential, file: file))
            for name in ["username", "password", "token", "pem", ""] {
                #expect(secrets.message(name) == lent[name].map { [1] + Array($0.utf8) } ?? [0])
            }
        }
    }

    @Test(arguments: [
        ("APPTAINER_DOCKER_PASSWORD=x", true), ("SKIFF_DOCKER_USERNAME=", true),
        ("SINGULARITY_DOCKER_PASSWORD=a=b", true),
        ("DOCKER_PASSWORD=x", false), ("APPTAINER_DOCKER_HOST=x", false), ("APPTAINER_DOCKER_PASSWORD_FILE=x", false),
    ])
    func credentialsOfTheEnvironmentAreKnown(text: String, isOne: Bool) {
        #expect(TransportSecrets.isVariable(text) == isOne)
    }
}
