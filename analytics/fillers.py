"""Words that may stand in any ticket: greetings, thanks and farewells, and the little words of a language.

Most of them lose their weight by themselves, being spread evenly over the queue. But tickets that hold nothing else
("Hi team, thanks!") would be alike and so a type, as would long letters beside short notes; and no type should be
named after them.
"""

from __future__ import annotations

from typing import Final

COURTESIES: Final = frozenset(
    """
    hi hello hey dear team all everybody everyone folks guys colleague colleagues morning afternoon evening please pls
    kindly thanks thank thx ty cheers regards best kind br greetings sincerely yours advance much many appreciated
    appreciate sent received importance
    hallo moin servus liebe lieber liebes guten tag morgen abend bitte danke dank vielen gruß grüße grüßen gruss gruesse
    mfg viele herzliche freundlichen freundliche kollegen zusammen voraus
    bonjour salut bonsoir cher chère merci cordialement cordiales salutations avance beaucoup svp plaît équipe
    hola buenos buenas días tardes estimado estimada estimados gracias saludos favor antemano equipo
    ciao buongiorno salve gentile grazie saluti cordiali distinti anticipo favore
    olá oi bom dia obrigado obrigada atenciosamente cumprimentos abraços prezado prezados
    hoi beste bedankt dankjewel groeten groet alvast alsjeblieft vriendelijke
    cześć witam dzień dobry proszę dziękuję dzięki pozdrawiam pozdrowienia góry
    hej tack hälsningar vänliga mvh venlig hilsen takk
    merhaba teşekkürler lütfen saygılar saygılarımla iyi günler
    привет здравствуйте добрый день пожалуйста спасибо уважением уважаемые коллеги заранее
    """.split()  # noqa: SIM905 (a list would be one word a line)
)

LITTLE_WORDS: Final = frozenset(
    """
    about after again also am an and any are as at be because been before being but by can cannot could did do does
    doing don during each few for from further get gets give go got had has have having he her here him his how if in
    into is it its itself just know let like ll may me more most my myself need needs no nor not now of off on once one
    only onto or other our out over own per re same see she should since so some such than that the their them then
    there these they this those through to too under until up upon us ve very via want wants was we were what when
    where whether which while who whom whose why will with within without would yet you your
    aber als am an auch auf aus bei bin bis da dann das dass dem den der des die dies diese dieser doch durch ein eine
    einem einen einer eines er es für gibt habe haben hat hier ich ihr im ist ja kann können mein mir mit muss müssen
    nach nicht noch nur oder ob ohne sein sich sie sind so über um und uns unser unsere unserer vom von vor war was
    wegen wenn wer werden wie wir wird wo wurde zu zum zur
    ai au aux avec avez avoir avons ce ces cette chez comme dans de des donc du elle en est et être eu faire fait il ils
    je la le les leur lui ma mais mes moi mon ne nos notre nous on ont ou où par pas peut plus pour pourriez qu que qui
    sa sans se ses si son sont sur ta te toi tu un une vos votre vous
    al algo ante con cual cuando de del desde donde el ella en entre era es esta este esto está están fue ha hay la las
    lo los más me mi muy necesito no nos nuestra nuestro para pero podrían por porque puede que se ser si sin sobre su
    sus también te tiene todo un una uno usted ya
    alla allo anche che chi ci come con cui da dal dalla del della delle dei di dove gli ha hanno ho il io la le lo ma
    mi nel nella non per perché più può quando questa questo se si sono su un una è
    ao aos as com como da das de do dos ela ele em essa esse está eu foi já mais mas me meu minha na nas nos não os ou
    para pela pelo por que se sem ser seu sua são também tem um uma você
    aan als bij dan dat de deze die dit door een en er hebben heeft het hij ik in is kan maar met mijn naar niet nog of
    om ons onze ook op te tot uit van voor wat we wij wordt ze zijn
    ale bo być co czy dla do gdy ich jak jest jestem już ma mam mi na nie od po pod przez przy się są ta tak te to tym w
    we z za ze że
    att av de den det detta du ett för från har hur här inte jag kan med men när och om på vi vad vid var är på til og
    ikke jeg som
    ve bir bu da de için ile ne çok olarak olan var
    без бы был было быть вас вы для до его ее если есть за из или им их как ко мне мы на надо нам нас не нет но нужно о
    об от по при с со так то у уже что чтобы это я
    """.split()  # noqa: SIM905 (a list would be one word a line)
)

FILLERS: Final = COURTESIES | LITTLE_WORDS
