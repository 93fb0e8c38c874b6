"""Texts as customers write them in ten languages, all made up: honest ones, and ones that must still be found."""

HONEST = {
    "en": [
        "Arrived a day late but the mug is lovely.Me and my sister both use it every morning.",
        "Sold by one shop, sent by another. Is this normal? Anyway, 4 stars. It works.",
        "The kettle leaks.It was replaced in 3 days, no questions asked. Net result: happy.",
        "Crap zip, shit packaging, and the screw that held it fell out. Watch your back with the strap!",
        "I asked for order no. 0012345678 three times. Still nothing. Be warned.",
    ],
    "de": [
        "Schnelle Lieferung.Es war alles gut verpackt. Gerne wieder!",
        "Leider kam das Paket beschädigt an.In der Hotline sagte man mir, ich solle warten. Note 4.",
        "Preis ok, Qualität ok.De facto genau das, was ich im www gesucht habe.",
        "Die Tasse ist dick und schwer, der Henkel hält. Am 12.05.2026 bestellt, am 14.05. da.",
    ],
    "fr": [
        "Très bien.De plus, livré vite. Io, ma fille, adore.",
        "Le pain était cuit à point.Com­me toujours, rien à redire. Le service après-vente est en retard, mais poli.",
        "J’ai payé 19,90 € + 4,50 € de port. Sale temps, mais livreur à l’heure. Net et précis.",
        "Une putain de bonne baguette, et un bâtard bien cuit.",
    ],
    "nl": [
        "Prima service.Net als vorig jaar. Ik ben er blij mee!",
        "De doos was kapot.Be careful stond erop, maar de mok was heel. Er zit nu wel een kras op.",
        "Slecht bereikbaar: drie keer gebeld, nooit antwoord. Me dunkt dat dit beter kan.",
    ],
    "es": [
        "Se lo regalé a mi tío Kike y está encantado.Me ha gustado mucho.",
        "El agua sale con fuerza. Es de color negro, como en la foto.Es lo que buscaba.",
        "Llegó tarde y roto. De puta madre no es, pero por el precio... No sé dónde vives tú, aquí no llega.",
    ],
    "ca": [
        "El color negre és preciós. Com sempre, molt bé.Com que fa fred, ens va perfecte.",
    ],
    "pt": [
        "Produto excelente. Com certeza comprarei de novo.",
        "excelente . com certeza recomendo a loja",
        "Chegou antes do prazo.Com certeza volto. Eu recomendo.Eu e a minha família.",
        "A loja entrega tudo o que a gente pede, e o que os clientes pedem.",
        "NÃO RECEBI. COM TANTA DEMORA, QUERO MEU DINHEIRO DE VOLTA. PEDIDO 02-670489302",
        "PEDE-SE UM, CHEGA OUTRO. PRODUTO ARROMBADO NA CAIXA.",
    ],
    "it": [
        "Tutto perfetto.Io lo consiglio a tutti.",
        "Spedizione veloce su Amazon.Io ne ho presi due. In cucina si sale con le dita, poi si mescola.",
        "Un negro coltello? No: nero.Me lo aspettavo più pesante.It works, dice mio figlio.",
    ],
    "sv": [
        "Slut i lager men bra service.De löste det snabbt. Till slut kom paketet.",
        "Det var första gången som jag reste med er.Jag/vi hade en väldigt bra vecka. Slutbetyg: 4.",
        "Enligt era www-sidor 7 dagar, men det tog 12. Är ni seriösa? Se till att svara i telefon.",
    ],
    "no": ["Veldig god pute, og to små puter til. Kom fort.Er fornøyd. No problem."],
    "da": ["Hurtig levering.De svarede på alt. Det er slut med at lede. Me too, siger min mand."],
    "pl": [
        "Polecam.Co prawda paczka szła tydzień, ale wszystko w porządku. Co do ceny: uczciwa.",
        "Słaba jakość, szwy puszczają po tygodniu. To be or not to be... raczej not.",
    ],
    "tr": [
        "Kargo hızlıydı.Me too dedi eşim, çok beğendik. 12litrelik olanı alın, altındakiler küçük.",
        "Ürün kırık geldi, iade ettim. Teşekkürler.Ama hızlı çözdüler.",
    ],
}

OFFENDING = {
    "en": [
        ("link", "Better bread at www.other.example"),
        ("abuse", "The owner is a slut."),
        ("abuse", "You paki!"),
    ],
    "de": [
        ("abuse", "Der Chef ist ein Hurensohn."),
        ("threat", "Ich weiß, wo du wohnst."),
        ("link", "Siehe brot.de"),
    ],
    "fr": [
        ("abuse", "Quel connard."),
        ("abuse", "Sale con !"),
        ("threat", "Je vais te tuer."),
        ("link", "pain point fr"),
    ],
    "nl": [
        ("abuse", "Wat een klootzak!"),
        ("threat", "Ik weet waar je woont."),
        ("link", "Koop op brood.nl beter"),
    ],
    "es": [
        ("abuse", "Sois unos hijos de puta"),
        ("threat", "Te voy a matar"),
        ("phone number", "+34 612 345 678"),
    ],
    "pt": [
        ("abuse", "Filho da puta!"),
        ("link", "vejam em outraloja.com e comprem"),
        ("threat", "Vou te matar"),
    ],
    "it": [
        ("abuse", "Siete degli stronzi."),
        ("threat", "Io so dove abiti."),
        ("link", "Meglio su pane.com."),
    ],
    "sv": [
        ("abuse", "Jävla idioter!"),
        ("threat", "Jag vet var du bor."),
        ("phone number", "Ring 0705 123 456"),
    ],
    "pl": [("abuse", "Spierdalaj."), ("threat", "Zabiję cię."), ("e-mail address", "clara (at) poczta.pl")],
    "tr": [("abuse", "Şerefsizler!"), ("abuse", "orospu çocuğu"), ("threat", "Seni öldürürüm")],
}

HARMLESS_ELSEWHERE = {
    "pede": "fr",
    "pute": "fr",
    "negre": "fr",
    "sale con": "fr",
    "slut": "en",
    "kike": "en",
    "paki": "en",
    "moron": "en",
    "bastard": "en",
}
"""Words that count in one language, since they are ordinary ones in another."""
