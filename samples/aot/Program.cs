using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using AheadOfTime;
using Net.Http3.Server.Hosting;

// component-host [PORT [CERTIFICATE.pem KEY.pem]]: one component on one UDP port, until SIGTERM or Ctrl-C, which let running requests end.
int port = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 4443;
using X509Certificate2 certificate = args is [_, string file, string keyFile] ? X509Certificate2.CreateFromPemFile(file, keyFile) : SelfMade();
await using Http3Server server = Http3Server.Start(new()
{
    ListenEndPoint = new(IPAddress.Loopback, port),
    ServerAuthenticationOptions = new() { ServerCertificate = certificate },
    Component = new VisitsComponent(),
});
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
Console.WriteLine($"ready {server.LocalEndPoint}");
await server.Completion;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    _ = server.StopAsync(TimeSpan.FromSeconds(10));
}

// For the afternoon; curl needs --insecure for it.
static X509Certificate2 SelfMade()
{
    using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
    return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
}
