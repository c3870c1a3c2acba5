using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Hello;
using Net.Http3.Server.Hosting;

// A certificate for the afternoon; curl needs --insecure for it.
using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

await using Http3Server server = Http3Server.Start(new()
{
    ListenEndPoint = new(IPAddress.Loopback, args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 4443),
    ServerAuthenticationOptions = new() { ServerCertificate = certificate },
    Component = new HelloComponent(),
});
Console.WriteLine($"curl --http3-only --insecure https://{server.LocalEndPoint}/");
await server.Completion;
