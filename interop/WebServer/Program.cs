using System.Security.Cryptography.X509Certificates;
using WebServer;

// web-server lean|kestrel CERTIFICATE.pem KEY.pem: the same pages by Http3Server, or by Kestrel over our transport, on a port of the system's choice.
// Says `ready ADDRESS:PORT` and serves until it is killed.
if (args is not ["lean" or "kestrel", string certificateFile, string keyFile])
{
    await Console.Error.WriteLineAsync("usage: web-server lean|kestrel CERTIFICATE.pem KEY.pem");
    return 2;
}

using X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
await (args[0] == "lean" ? LeanSite.RunAsync(certificate) : KestrelSite.RunAsync(certificate));
return 0;
