//! The Frontend API inside another program, on a listener of its own. Run it with `cargo run --example http`, open
//! <http://localhost:8080>, and stop it with Ctrl-C. Messages are printed.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use vestibule::Engine;
use vestibule::messages::{BoxFuture, Message, Outcome, Receipt, Transport};
use vestibule::server::{App, BoundServer, HttpOptions, bind};
use vestibule::settings::{Branding, sample_settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (server, options) = listen(8080).await?;
    println!("listening on {}", options.public_url);
    serve(server, options, async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("Ctrl-C can't be heard: {error}");
        }
    })
    .await
}

/// Takes the port, of which 0 is any that is free.
async fn listen(port: u16) -> Result<(BoundServer, HttpOptions), Box<dyn Error>> {
    let mut options = HttpOptions::new("http://localhost".parse()?, PUBLISHABLE_KEY, true);
    options.listen.iter_mut().for_each(|address| address.set_port(port));
    let server = bind(&options).await?;
    let port = server.local_addrs().first().ok_or("a listener has an address")?.port();
    options.public_url.set_port(Some(port)).map_err(|()| "a URL with a host takes a port")?;
    Ok((server, options))
}

/// Serves until `stop`, and finishes what was begun.
async fn serve(
    server: BoundServer,
    options: HttpOptions,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let engine = Engine::builder()
        .settings(sample_settings("password")?)
        .branding(Branding { name: "Acme".into(), ..Branding::default() })
        .publishable_key(PUBLISHABLE_KEY.into())
        .public_url(options.public_url.clone())
        // The pages of the application, which call the engine from their own origin.
        .allowed_origins(vec!["http://localhost:3000".into()])
        .email(Arc::new(Printed))
        .build()
        .await?;
    // The rest of the program can sign people up, or out, through the same engine meanwhile.
    server.serve(Arc::new(App::new(engine.clone(), options, None)), stop).await;
    engine.shutdown().await;
    Ok(())
}

/// Instead of a mail server.
struct Printed;

impl Transport for Printed {
    fn deliver<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        println!("to {}: {}", message.to, message.text.expose());
        Box::pin(std::future::ready(Outcome::Sent(Receipt::default())))
    }
}

/// `pk_live_` and the base64 of `clerk.localhost$`: what browsers are configured with.
const PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsubG9jYWxob3N0JA";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_example_serves_and_stops() {
        let (server, options) = listen(0).await.expect("a port");
        let address = server.local_addrs()[0];
        let (stop, stopped) = oneshot::channel();
        let asking = async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            let request = "GET /v1/environment HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.expect("a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            stop.send(()).expect("a server that waits");
            answer
        };
        let serving = serve(server, options, async { stopped.await.expect("a word") });
        let (served, answer) = tokio::join!(serving, asking);
        served.expect("an end");
        assert!(answer.contains("\"application_name\":\"Acme\""), "{answer}");
    }
}
